import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Button } from '../panel/button';
import type { IService } from '../types';
import { Log } from './log';
import type { LogTail } from './logtail';
import { isGoing } from './model';
import { figuresOf, stateWord } from './words';

export interface IServiceItemProps {
  service: IService;
  onStop: (serviceId: string) => void;
  tail: (serviceId: string) => LogTail;
  trans: TranslationBundle;
}

/** One service: where it runs, how it stands, what it writes, and how to stop it. */
export function ServiceItem(props: IServiceItemProps): React.JSX.Element {
  const { service, tail, trans } = props;
  const { id, name, state } = service;
  const [isLogShown, showLog] = React.useState(false);
  const now = Date.now() / 1000;
  return (
    <li className="jp-LLM-card" data-service={name} data-state={state}>
      <div className="jp-LLM-line">
        <span className="jp-LLM-name">{name}</span>
        <span className="jp-LLM-state">{stateWord(state, trans)}</span>
      </div>
      {service.reason && (
        <div className={state === 'failed' ? 'jp-LLM-failure' : 'jp-LLM-muted'}>
          {service.reason}
        </div>
      )}
      {service.is_stale && (
        <div className="jp-LLM-muted">
          {trans.__(
            'The cluster does not answer. This was so at %1.',
            new Date(service.as_of * 1000).toLocaleTimeString()
          )}
        </div>
      )}
      <dl className="jp-LLM-figures">
        {figuresOf(service, now, trans).map(([title, value]) => (
          <React.Fragment key={title}>
            <dt>{title}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
      </dl>
      <div className="jp-LLM-actions">
        <Button
          label={isLogShown ? trans.__('Hide log') : trans.__('Log')}
          of={name}
          onClick={() => {
            showLog(!isLogShown);
          }}
        />
        {isGoing(service) && <Stop {...props} />}
      </div>
      {isLogShown && (
        <Log
          key={id}
          name={name}
          start={() => tail(id)}
          grows={isGoing(service)}
          trans={trans}
        />
      )}
    </li>
  );
}

/** Stops at the second press: whoever uses the service is cut off. */
function Stop(props: IServiceItemProps): React.JSX.Element {
  const { service, onStop, trans } = props;
  const [isAsking, ask] = React.useState(false);
  return isAsking ? (
    <>
      <Button
        label={trans.__('Stop now')}
        of={service.name}
        isFirst
        onClick={() => {
          onStop(service.id);
          ask(false);
        }}
      />
      <Button
        label={trans.__('Keep')}
        of={service.name}
        onClick={() => {
          ask(false);
        }}
      />
    </>
  ) : (
    <Button
      label={trans.__('Stop')}
      of={service.name}
      onClick={() => {
        ask(true);
      }}
    />
  );
}
