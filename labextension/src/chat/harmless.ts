/** Elements that ask the network, or the user, for something. */
const ASKING =
  'audio, button, canvas, embed, form, iframe, input, link, meta, object, select, source, style, textarea, track, video';

/**
 * Sanitized HTML of a model's answer, without what would act on its own.
 *
 * A page of a model must not load anything: the address of a picture can carry away
 * what the conversation holds. Pictures become links, styles and Lab's own attributes go.
 */
export function withoutRequests(html: string): string {
  const { body } = new DOMParser().parseFromString(html, 'text/html');
  for (const element of body.querySelectorAll(ASKING)) {
    replaceAsking(element);
  }
  for (const image of body.querySelectorAll('img')) {
    image.replaceWith(linkTo(image));
  }
  for (const element of body.querySelectorAll('*')) {
    for (const { name } of [...element.attributes]) {
      if (
        name === 'style' ||
        name.startsWith('data-') ||
        name === 'background'
      ) {
        element.removeAttribute(name);
      }
    }
  }
  return body.innerHTML;
}

/** A box of a task list stays visible as a sign. */
function replaceAsking(element: Element): void {
  if (element instanceof HTMLInputElement && element.type === 'checkbox') {
    element.replaceWith(element.defaultChecked ? '☑ ' : '☐ ');
  } else {
    element.replaceWith(...element.childNodes);
  }
}

function linkTo(image: HTMLImageElement): Node {
  const address = image.getAttribute('src') ?? '';
  const label = image.alt || address;
  if (!/^https?:/i.test(address)) {
    return image.ownerDocument.createTextNode(label);
  }
  const link = image.ownerDocument.createElement('a');
  link.href = address;
  link.rel = 'noopener nofollow';
  link.target = '_blank';
  link.textContent = label;
  return link;
}
