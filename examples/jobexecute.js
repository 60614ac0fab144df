// The worker of config.ini's [jobexecute]: does one piece of work, again and again, until it is told
// to stop. What it logs ends in the section's log_file, one JSON object a line.

import { setTimeout as sleep } from 'node:timers/promises'
import { SyncWorker } from 'processhandler/worker'

export class JobExecute extends SyncWorker {
  static LOGGER_NAME = 'jobexecute'

  /** Once, before the first request: `this.cfg` holds the section's keys and all variables. */
  setup() {
    this.logger.info({ log_path: this.cfg.log_path }, 'setup')
  }

  /** One piece of work. A throw is logged and counted; the worker lives. */
  async handleRequest() {
    this.logger.info('go...')
    await sleep(1500)
  }

  /** Once, after the last request. */
  stop() {
    this.logger.info({ requests: this.nr }, 'stop')
  }
}
