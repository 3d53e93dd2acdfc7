# SPDX-License-Identifier: MIT
"""What Linux says of a process and of this machine."""
import os
import platform
import re
import subprocess
import time

KIB = 1024


def cpu_seconds(pid):
    """CPU time of all threads of a process, those that have ended included, to the nanosecond."""
    process_clock = ((~pid) << 3) | 2
    return time.clock_gettime(process_clock)


def status(pid, field):
    """A number in /proc/PID/status, kB in bytes."""
    with open(f'/proc/{pid}/status', encoding='ascii', errors='replace') as lines:
        for line in lines:
            if line.startswith(field + ':'):
                number, *unit = line.split()[1:]
                return int(number) * (KIB if unit == ['kB'] else 1)
    raise ProcessLookupError(pid)


def anonymous_memory(pid):
    """What a process itself has: no code, no files."""
    return status(pid, 'RssAnon')


def seconds_until_quiet(pid, since, limit, quiet=0.15):
    """Waits until a process uses no CPU for a while. Returns the moment, in seconds after `since`
    (time.monotonic()), at which it last did."""
    last_change = time.monotonic()
    before = cpu_seconds(pid)
    while time.monotonic() - last_change < quiet and time.monotonic() - since < limit:
        time.sleep(0.005)
        now = cpu_seconds(pid)
        if now - before > 0.0002:
            last_change = time.monotonic()
        before = now
    return last_change - since


def _first_line(command):
    try:
        output = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout
    except OSError:
        return None
    return output.splitlines()[0] if output else None


def _processor():
    with open('/proc/cpuinfo', encoding='utf-8', errors='replace') as lines:
        models = re.findall(r'^model name\s*:\s*(.*)$', lines.read(), re.MULTILINE)
    return models[0] if models else platform.machine()


def facts():
    """What somebody who compares results wants to know. No names of hosts, users or folders."""
    return {
        'cores': len(os.sched_getaffinity(0)),
        'processor': _processor(),
        'memory_mb': os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // KIB // KIB,
        'kernel': platform.release(),
        'c_library': ' '.join(platform.libc_ver()),
        'compiler': _first_line([os.environ.get('CC', 'cc').split()[0], '--version']),
        'h2load': _first_line(['h2load', '--version']),
        'load_at_start': os.getloadavg()[0],
        'date': time.strftime('%Y-%m-%d', time.gmtime()),
    }
