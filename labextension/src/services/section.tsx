import type { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IService } from '../types';
import { ServiceForm } from './form';
import { type IServiceItemProps, ServiceItem } from './item';
import { isGoing, type ServicesModel } from './model';

const MAX_ENDED = 20;

/** The services of this user, asked for when they are first seen. */
export function Services(props: {
  model: ServicesModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { model, trans } = props;
  React.useEffect(() => {
    void model.refresh();
  }, [model]);
  return (
    <UseSignal signal={model.changed} initialArgs={model.state}>
      {() => <ServicesView model={model} trans={trans} />}
    </UseSignal>
  );
}

function ServicesView(props: {
  model: ServicesModel;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { model, trans } = props;
  const { services, recipes, problem, isKnown } = model.state;
  if (!isKnown) {
    return (
      <p className="jp-LLM-note">{problem || trans.__('Asking the server…')}</p>
    );
  }
  const actions = {
    onStop: (id: string) => void model.stop(id),
    tail: (id: string) => model.tail(id),
    trans
  };
  const ended = services.filter(service => !isGoing(service));
  return (
    <>
      {problem && (
        <p className="jp-LLM-failure" role="alert">
          {problem}
        </p>
      )}
      <List
        {...actions}
        label={trans.__('Services')}
        services={services.filter(isGoing)}
      />
      {ended.length > 0 && (
        <details className="jp-LLM-ended">
          <summary>{trans.__('Ended (%1)', ended.length)}</summary>
          <List
            {...actions}
            label={trans.__('Services that have ended')}
            services={ended.slice(0, MAX_ENDED)}
          />
        </details>
      )}
      <ServiceForm
        recipes={recipes}
        onStart={request => model.start(request)}
        trans={trans}
      />
    </>
  );
}

function List(
  props: Omit<IServiceItemProps, 'service'> & {
    label: string;
    services: readonly IService[];
  }
): React.JSX.Element {
  const { label, services, ...actions } = props;
  return (
    <ul className="jp-LLM-list" aria-label={label}>
      {services.map(service => (
        <ServiceItem key={service.id} service={service} {...actions} />
      ))}
    </ul>
  );
}
