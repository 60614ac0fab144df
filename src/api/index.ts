// `processhandler/client`: a client that comes back. What programs and scripts import; phctl has its own ways.

export { type Code, PhError } from '../errors.ts'
export type * from './contract.ts'
export type { EventItem, Gap, LogItem, LogTrouble } from './followed.ts'
export {
  type CallOptions,
  type ConnectOptions,
  connect,
  type EventsOptions,
  type LogsOptions,
  type Phd,
} from './phd.ts'
