#!/usr/bin/env python3
"""A class on one machine: many debuggers at once, each typed into as a person types.

  classroom.py ./stepformer [SESSIONS ...]        30 100 300 unless told

Every session has a pseudo-terminal of its own and runs its example from the start. A person presses a key, looks, and presses
the next: the pauses are drawn from an exponential distribution of mean PAUSE, and keys from KEYS by weight. A key's time
ends with the last byte that follows within QUIET milliseconds. Prints the median, the 99th percentile and the worst of all
keys of all sessions, and what a session's memory is: resident, its own (shared with nobody), and its fair share of all.
Escape is counted apart: it is also how other keys begin, and every program waits a moment whether more of one follows.
"""
import os, random, select, sys, time

from terminal import Terminal, QUIET, percentile

SECONDS, PAUSE = 20, 0.8
KEYS = [(b'n', 40), (b'b', 10), (b'\x1b[B', 12), (b'\x1b[C', 12), (b'v', 4), (b'.', 4), (b'\r', 4), (b'\x7f', 4), (b'z', 2), (b'm', 2), (b'\x1b', 4),
        (b'?', 1), (b'\x1b', 1)]
SIZES = [(80, 24), (120, 40), (200, 60)]
AIM_MS, AIM_MB = 10, 12


class Session:
    def __init__(self, argv, seed):
        self.random = random.Random(seed)
        self.terminal = Terminal(argv, *SIZES[seed % len(SIZES)])
        self.pressed = self.last = None
        self.due = time.monotonic() + 2 + self.random.random() * PAUSE

    def press(self, now):
        key = self.random.choices([k for k, _ in KEYS], [w for _, w in KEYS])[0]
        self.escape = key == b'\x1b'
        if self.terminal.application_keys and key.startswith(b'\x1b['):
            key = b'\x1bO' + key[2:]
        self.pressed, self.last = time.monotonic(), None
        os.write(self.terminal.master, key)
        self.due = now + self.random.expovariate(1 / PAUSE)

    def read(self):
        data = os.read(self.terminal.master, 1 << 16)
        self.last = time.monotonic()
        if b'\x1b[?1h' in data:
            self.terminal.application_keys = True

    def settled(self, now):
        """The milliseconds of the key that was pressed last, once its screen is still; None before that or where nothing was drawn."""
        if self.pressed is None or self.last is None or now - self.last < QUIET / 1000:
            return None
        ms = (self.last - self.pressed) * 1000
        self.pressed = None
        return ms


def memory(pids):
    totals = {'Rss': 0, 'Pss': 0, 'Private': 0}
    for pid in pids:
        with open(f'/proc/{pid}/smaps_rollup') as f:
            for line in f:
                name = line.split(':')[0].split('_')[0]
                if name in totals and (name == 'Private' or '_' not in line.split(':')[0]):
                    totals[name] += int(line.split()[1])
    return {name: total / 1024 / len(pids) for name, total in totals.items()}


def run(argv, count):
    sessions = [Session(argv, i) for i in range(count)]
    by_fd = {s.terminal.master: s for s in sessions}
    poll = select.poll()
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    taken, escapes, end = [], [], time.monotonic() + 2 + SECONDS
    while (now := time.monotonic()) < end:
        for fd, _ in poll.poll(2):
            by_fd[fd].read()
        now = time.monotonic()
        for s in sessions:
            ms = s.settled(now)
            if ms is not None:
                (escapes if s.escape else taken).append(ms)
            if now >= s.due and (s.pressed is None or now - s.pressed > 2):
                s.press(now)
    used = memory([s.terminal.pid for s in sessions])
    for s in sessions:
        s.terminal.close()
    worst = percentile(taken, .99)
    print(f'{count:4} sessions: {len(taken):5} keys, median {percentile(taken, .5):5.2f} ms, 99% {worst:6.2f} ms, worst {max(taken):6.2f} ms; Esc {percentile(escapes or [0], .5):.0f} ms'
          f' | a session: {used["Rss"]:.1f} MB resident, {used["Private"]:.1f} its own, {used["Pss"]:.1f} its share'
          f' | {"within" if worst < AIM_MS and used["Rss"] < AIM_MB else "beyond"} {AIM_MS} ms and {AIM_MB} MB', flush=True)


def main():
    argv, counts = [sys.argv[1]], [int(n) for n in sys.argv[2:]] or [30, 100, 300]
    print(f'a class on one machine of {os.cpu_count()} processors: one key every {PAUSE} s and person, {SECONDS} s')
    for count in counts:
        run(argv, count)


main()
