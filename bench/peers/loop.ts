// The limit of every supervisor: posix_spawn in a loop, and again for each that ends. It records nothing, logs
// nothing, captures nothing and answers nobody.

import { compiled } from '../tools.ts'
import { daemon, gone, type Peer } from './peer.ts'

const SOURCE = `#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
extern char **environ;
static volatile sig_atomic_t over;
static void end(int sig) { over = sig; }
int main(int c, char **v) {
  int n = atoi(v[1]); pid_t *p = calloc(n, sizeof *p), ended;
  struct sigaction on = { .sa_handler = end };
  sigaction(SIGTERM, &on, NULL);
  for (int i = 0; i < n; i++) if (posix_spawn(&p[i], v[2], NULL, NULL, v + 2, environ)) return 1;
  while (!over) {
    if ((ended = wait(NULL)) < 0) continue;
    for (int i = 0; i < n; i++)
      if (p[i] == ended && !over && posix_spawn(&p[i], v[2], NULL, NULL, v + 2, environ)) return 1;
  }
  for (int i = 0; i < n; i++) kill(p[i], SIGKILL);
  while (wait(NULL) > 0);
}
`

/** Before anything is measured. */
const program = compiled('loop-of-posix-spawn', SOURCE)

export const loop: Peer = {
  name: 'limit, a C loop',
  missing: () => (program === null ? 'there is no C compiler' : null),
  async start(_folder, count, witness) {
    const child = daemon([program ?? '', String(count), witness.program, witness.fifo])
    return {
      own: () => [child.pid ?? 0],
      async end() {
        child.kill('SIGTERM')
        await gone(child)
      },
    }
  },
}
