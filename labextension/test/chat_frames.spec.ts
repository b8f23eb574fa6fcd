import { FrameDrawer } from '../src/chat/frames';

describe('what is drawn with the frames', () => {
  let frames: (() => void)[];
  let numDrawn: number;
  let drawer: FrameDrawer;
  const frame = (): void => {
    frames.splice(0).forEach(callback => {
      callback();
    });
  };

  beforeEach(() => {
    frames = [];
    numDrawn = 0;
    drawer = new FrameDrawer(
      () => {
        numDrawn += 1;
      },
      callback => frames.push(callback)
    );
  });

  it('is drawn once, however often it has changed', () => {
    drawer.soon();
    drawer.soon();
    expect(numDrawn).toBe(0);
    frame();
    expect(numDrawn).toBe(1);
    frame();
    expect(numDrawn).toBe(1);
    drawer.soon();
    frame();
    expect(numDrawn).toBe(2);
  });

  it('is drawn at once where it must be, and then not before that is on the screen', () => {
    drawer.soon();
    drawer.now();
    expect(numDrawn).toBe(1);
    drawer.soon();
    frame();
    expect(numDrawn).toBe(1);
    frame();
    expect(numDrawn).toBe(2);
  });

  it('rests once what was drawn at once is on the screen', () => {
    drawer.now();
    frame();
    frame();
    expect(numDrawn).toBe(1);
    expect(frames).toEqual([]);
    drawer.soon();
    frame();
    expect(numDrawn).toBe(2);
  });
});
