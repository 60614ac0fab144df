# A Python program that knows nothing of phd: it prints the time, and ends when it is told to.

import signal
import sys
import time


def stop(*_):
    print("bye", flush=True)
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
while True:
    print(time.strftime("%H:%M:%S"), flush=True)
    time.sleep(1)
