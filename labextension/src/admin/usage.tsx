import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { roundForPeople } from '../panel/format';
import type { IUsagePoint, IUsageSummary, IUserUsage } from '../types';
import { Bars } from './bars';
import { type ISpan, type IUsage, SPANS } from './model';
import { Table } from './table';

/** What was asked of this server over time, and by whom. */
export function Usage(props: {
  usage: IUsage;
  onLookBack: (span: ISpan) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { usage, trans } = props;
  const { points } = usage.series;
  const chart = (label: string, of: (point: IUsagePoint) => number) => (
    <Bars
      label={label}
      bars={points.map(point => ({
        value: of(point),
        name: nameOf(point, usage.span)
      }))}
    />
  );
  return (
    <>
      <SpanSelect {...props} />
      <p className="jp-LLM-muted">{inWords(usage.summary, trans)}</p>
      {chart(trans.__('Requests'), point => point.num_requests)}
      {chart(
        trans.__('Tokens written'),
        ({ num_completion_tokens }) => num_completion_tokens
      )}
      {usage.users && usage.users.length > 0 && (
        <Users users={usage.users} trans={trans} />
      )}
    </>
  );
}

function SpanSelect(props: {
  usage: IUsage;
  onLookBack: (span: ISpan) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { usage, trans } = props;
  return (
    <select
      className="jp-LLM-span"
      aria-label={trans.__('How far to look back')}
      value={usage.span.hours}
      onChange={({ target }) => {
        const span = SPANS.find(({ hours }) => `${hours}` === target.value);
        if (span) {
          props.onLookBack(span);
        }
      }}
    >
      {SPANS.map(({ hours }) => (
        <option key={hours} value={hours}>
          {hours > 24
            ? trans.__('Last %1 days', hours / 24)
            : trans.__('Last %1 hours', hours)}
        </option>
      ))}
    </select>
  );
}

/** The sums in a line. */
export function inWords(
  summary: IUsageSummary,
  trans: TranslationBundle
): string {
  const { num_requests, num_failed, mean_first_token_s } = summary;
  return [
    trans._n('%1 request', '%1 requests', num_requests),
    num_failed > 0 && trans.__('%1 failed', num_failed),
    mean_first_token_s !== null &&
      trans.__('first word after %1 s', seconds(mean_first_token_s)),
    summary.num_waiting > 0 && trans.__('%1 waiting now', summary.num_waiting)
  ]
    .filter(Boolean)
    .join(' · ');
}

function Users(props: {
  users: readonly IUserUsage[];
  trans: TranslationBundle;
}): React.JSX.Element {
  const { users, trans } = props;
  return (
    <Table
      label={trans.__('Use by user')}
      head={[
        trans.__('User'),
        trans.__('Requests'),
        trans.__('Failed'),
        trans.__('Tokens in'),
        trans.__('Tokens out')
      ]}
      rows={users.map(one => [
        one.user || trans.__("(the server's token)"),
        one.num_requests.toLocaleString(),
        one.num_failed.toLocaleString(),
        one.num_prompt_tokens.toLocaleString(),
        one.num_completion_tokens.toLocaleString()
      ])}
    />
  );
}

/** Days are those of UTC, hours those of the clock of who looks. */
function nameOf({ at }: IUsagePoint, { step }: ISpan): string {
  const date = new Date(at * 1000);
  return step === 'day'
    ? date.toLocaleDateString(undefined, { timeZone: 'UTC' })
    : date.toLocaleTimeString(undefined, {
        hour: '2-digit',
        minute: '2-digit'
      });
}

function seconds(value: number): number {
  return value < 1 ? Math.round(value * 100) / 100 : roundForPeople(value);
}
