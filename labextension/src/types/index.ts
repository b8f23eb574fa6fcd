/**
 * What the server says, field by field: the dataclasses of `jupyter_llm/types/` and
 * the bodies around them. A Python test compares the two, so a field that is renamed
 * there cannot be forgotten here.
 */

export type * from './download';
export type * from './event';
export type * from './hub';
export type * from './key';
export type * from './memory';
export type * from './model';
export type * from './server';
export type * from './service';
export type * from './usage';
