import type {
  CompletionHandler,
  IInlineCompletionContext,
  IInlineCompletionItem,
  IInlineCompletionList,
  IInlineCompletionProvider
} from '@jupyterlab/completer';
import { Text } from '@jupyterlab/coreutils';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { Widget } from '@lumino/widgets';

import type { IModelManager } from '../tokens';
import type { IModelStatus } from '../types';
import type { ICompletionRequest, ICompletionsAPI } from './api';
import { chooseModel } from './choose';
import { type INeighbours, isInsideLine, surroundings } from './context';
import { DEFAULTS, readSettings, schemaOf } from './settings';

/** Tokens are shorter than words: a context of tokens holds at least as many characters. */
const MIN_CHARACTERS_PER_TOKEN = 2;

const NOTHING: IInlineCompletionList = { items: [] };

export interface ICompletionProviderOptions {
  manager: IModelManager;
  api: ICompletionsAPI;
  icon: LabIcon;
  trans: TranslationBundle;
  neighboursIn: (widget: Widget) => INeighbours;
  onTyping: (widget: Widget, callback: () => void) => IDisposable;
}

/**
 * Has a loaded model write what comes next, as ghost text.
 *
 * One request at a time is on its way: the next key ends it. It says nothing where no
 * model is loaded, and loads none by itself.
 */
export class CompletionProvider implements IInlineCompletionProvider {
  constructor(private readonly options: ICompletionProviderOptions) {
    const { icon, trans } = options;
    this.icon = icon;
    this.name = trans.__('Language models of this server');
    this.schema = schemaOf(trans);
  }

  readonly identifier = '@jupyter-llm/completion';
  readonly icon: LabIcon;
  readonly name: string;
  readonly schema: ISettingRegistry.IProperty;

  /** Whether this person wants completions. */
  get isEnabled(): boolean {
    return this.settings.enabled;
  }

  configure(settings: Record<string, unknown> | undefined): void {
    this.settings = readSettings(settings);
    if (this.settings.enabled) {
      this.watch ??= this.options.manager.watch();
    } else {
      this.watch?.dispose();
      this.watch = null;
      this.running?.abort();
    }
  }

  async fetch(
    request: CompletionHandler.IRequest,
    context: IInlineCompletionContext
  ): Promise<IInlineCompletionList> {
    this.running?.abort();
    const { manager, api } = this.options;
    const status = chooseModel(manager.snapshot, this.settings.model);
    const asked = status && this.requestFor(status, request, context.widget);
    if (!asked) {
      return NOTHING;
    }
    const signal = this.runUntilTyping(context.widget);
    return this.begin(api.write(asked, signal));
  }

  async *stream(
    token: string
  ): AsyncGenerator<{ response: IInlineCompletionItem }, void> {
    const pieces = this.streams.get(token);
    this.streams.delete(token);
    let insertText = token.slice(token.indexOf(':') + 1);
    try {
      for await (const piece of pieces ?? []) {
        insertText += piece;
        yield { response: { insertText } };
      }
    } catch {
      // ended by the next key, or by the server: what has come stands
    }
  }

  /** What to ask the model, or `null` where it could not but disturb. */
  private requestFor(
    { model, stats }: IModelStatus,
    { text, offset }: CompletionHandler.IRequest,
    widget: Widget
  ): ICompletionRequest | null {
    const { contextCharacters, maxTokens } = this.settings;
    const room = (stats.context_length - maxTokens) * MIN_CHARACTERS_PER_TOKEN;
    const { before, behind } = surroundings(
      text,
      Text.charIndexToJsIndex(offset, text),
      this.options.neighboursIn(widget),
      Math.min(contextCharacters, room)
    );
    if (before.trim() === '') {
      return null;
    }
    const request = { model: model.id, prompt: before, max_tokens: maxTokens };
    if (stats.can_fill_gaps) {
      return behind === '' ? request : { ...request, suffix: behind };
    }
    return isInsideLine(behind) ? null : request;
  }

  private runUntilTyping(widget: Widget): AbortSignal {
    const running = new AbortController();
    this.running = running;
    const typing = this.options.onTyping(widget, () => {
      running.abort();
    });
    running.signal.addEventListener('abort', () => {
      typing.dispose();
    });
    return running.signal;
  }

  /** Resolves with the first text there is; the rest is streamed. */
  private async begin(
    pieces: AsyncGenerator<string, void>
  ): Promise<IInlineCompletionList> {
    try {
      let insertText = '';
      while (insertText.trim() === '') {
        const { done, value } = await pieces.next();
        if (done) {
          return NOTHING;
        }
        insertText += value;
      }
      const token = `${++this.lastStream}:${insertText}`;
      this.streams.clear();
      this.streams.set(token, pieces);
      return { items: [{ insertText, isIncomplete: true, token }] };
    } catch {
      return NOTHING; // refused, or ended by the next key: typing goes on
    }
  }

  private settings = DEFAULTS;
  private watch: IDisposable | null = null;
  private running: AbortController | null = null;
  private readonly streams = new Map<string, AsyncGenerator<string, void>>();
  private lastStream = 0;
}
