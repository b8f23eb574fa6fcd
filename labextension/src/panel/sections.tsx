import * as React from 'react';

import { Keys } from '../keys/section';
import { Services } from '../services/section';
import type { IModelEntry } from '../types';
import { DownloadItem } from './downloads';
import { isBuiltIn } from './facts';
import { Hub } from './hub';
import { LoadedModel } from './loaded';
import { DeviceMemory } from './memory';
import { ModelOnDisk } from './ondisk';
import { OptionsForm } from './options';
import { Section } from './section';
import { coloursOf } from './shares';
import type { IPanelViewProps } from './view';

/** What is in memory, on its way, on the disk and on the Hub; and the memory itself. */
export function Sections(props: IPanelViewProps): React.JSX.Element {
  return (
    <>
      <InMemory {...props} />
      <Downloads {...props} />
      <OnDisk {...props} />
      {props.snapshot.permissions.write && <OnHub {...props} />}
      <Memory {...props} />
      {props.snapshot.permissions.write && <Jobs {...props} />}
      {props.snapshot.permissions.write && <ApiKeys {...props} />}
    </>
  );
}

function InMemory(props: IPanelViewProps): React.JSX.Element {
  const { snapshot, actions, trans } = props;
  const entries = snapshot.models.filter(({ state }) => state !== 'unloaded');
  const colours = coloursOf(snapshot.history, snapshot.memory);
  return (
    <Folding
      {...props}
      name="loaded"
      title={trans.__('In memory')}
      count={entries.length}
    >
      {entries.length === 0 && (
        <p className="jp-LLM-note">
          {trans.__('No model is in memory. A request loads the one it names.')}
        </p>
      )}
      <ul className="jp-LLM-list" aria-label={trans.__('Models in memory')}>
        {entries.map(entry => (
          <React.Fragment key={entry.model.id}>
            <LoadedModel
              entry={entry}
              speed={snapshot.speeds.get(entry.model.id) ?? 0}
              isActive={snapshot.activeId === entry.model.id}
              refusal={snapshot.refusals.get(entry.model.id)}
              permissions={snapshot.permissions}
              colours={colours}
              actions={actions}
              trans={trans}
            />
            <Form {...props} entry={entry} />
          </React.Fragment>
        ))}
      </ul>
    </Folding>
  );
}

function OnDisk(props: IPanelViewProps): React.JSX.Element {
  const { snapshot, state, actions, trans } = props;
  const entries = inOrder(snapshot.models).filter(
    one =>
      one.state === 'unloaded' &&
      (state.settings.showBuiltIn || !isBuiltIn(one.model))
  );
  return (
    <Folding
      {...props}
      name="disk"
      title={trans.__('On disk')}
      count={entries.length}
    >
      <ul className="jp-LLM-list" aria-label={trans.__('Models on disk')}>
        {entries.map(entry => (
          <React.Fragment key={entry.model.id}>
            <ModelOnDisk
              entry={entry}
              refusal={snapshot.refusals.get(entry.model.id)}
              permissions={snapshot.permissions}
              actions={actions}
              trans={trans}
            />
            <Form {...props} entry={entry} />
          </React.Fragment>
        ))}
      </ul>
    </Folding>
  );
}

/** The load options of this model, if they are being chosen. */
function Form(
  props: IPanelViewProps & { entry: IModelEntry }
): React.JSX.Element | null {
  const { entry, snapshot, state, actions, trans } = props;
  if (state.form?.modelId !== entry.model.id || !snapshot.permissions.write) {
    return null;
  }
  const drafts = snapshot.models
    .filter(({ model }) => isDraftFor(entry, model.engine, model.id))
    .map(({ model }) => model.id);
  return (
    <li>
      <OptionsForm
        entry={entry}
        drafts={drafts}
        saved={state.form.saved}
        defaults={state.settings.loadOptions}
        actions={actions}
        trans={trans}
      />
    </li>
  );
}

function Downloads(props: IPanelViewProps): React.JSX.Element | null {
  const { snapshot, actions, trans } = props;
  const downloads = snapshot.downloads.filter(({ state }) => state !== 'done');
  return downloads.length === 0 ? null : (
    <Folding
      {...props}
      name="downloads"
      title={trans.__('Downloads')}
      count={downloads.length}
    >
      <ul className="jp-LLM-list" aria-label={trans.__('Downloads')}>
        {downloads.map(download => (
          <DownloadItem
            key={download.id}
            download={download}
            mayWrite={snapshot.permissions.write}
            actions={actions}
            trans={trans}
          />
        ))}
      </ul>
    </Folding>
  );
}

function OnHub(props: IPanelViewProps): React.JSX.Element {
  return (
    <Folding {...props} name="hub" title={props.trans.__('Find on the Hub')}>
      <Hub {...props} downloads={props.snapshot.downloads} />
    </Folding>
  );
}

function Memory(props: IPanelViewProps): React.JSX.Element {
  const { snapshot, trans } = props;
  const colours = coloursOf(snapshot.history, snapshot.memory);
  return (
    <Folding {...props} name="memory" title={trans.__('Memory')}>
      {snapshot.devices.map(device => (
        <DeviceMemory
          key={device.id}
          device={device}
          snapshot={snapshot}
          colours={colours}
          trans={trans}
        />
      ))}
    </Folding>
  );
}

/** What runs as a job of its own, on a cluster or on this machine. */
function Jobs(props: IPanelViewProps): React.JSX.Element | null {
  const { services, trans } = props;
  return services ? (
    <Folding {...props} name="services" title={trans.__('Services')}>
      <Services model={services} trans={trans} />
    </Folding>
  ) : null;
}

function ApiKeys(props: IPanelViewProps): React.JSX.Element | null {
  const { keys, trans } = props;
  return keys ? (
    <Folding {...props} name="keys" title={trans.__('API keys')}>
      <Keys model={keys} trans={trans} />
    </Folding>
  ) : null;
}

function Folding(
  props: IPanelViewProps & {
    name: string;
    title: string;
    count?: number;
    children: React.ReactNode;
  }
): React.JSX.Element {
  return (
    <Section
      name={props.name}
      title={props.title}
      {...(props.count !== undefined && { count: props.count })}
      isFolded={props.state.folded.has(props.name)}
      onToggle={props.actions.onToggleSection}
    >
      {props.children}
    </Section>
  );
}

/** Models of one's own come first, and last the one that only repeats what it is told. */
function inOrder(entries: readonly IModelEntry[]): IModelEntry[] {
  const rank = ({ model }: IModelEntry): number =>
    isBuiltIn(model) ? (model.id === 'echo' ? 2 : 1) : 0;
  return [...entries].sort((one, other) => rank(one) - rank(other));
}

function isDraftFor(
  { model }: IModelEntry,
  engine: string,
  id: string
): boolean {
  return engine === model.engine && id !== model.id;
}
