"""What holds for every test."""

import signal

from hypothesis import settings

# The same examples in every run, and no deadlines: a machine that is busy is no defect.
settings.register_profile("certwright", deadline=None, derandomize=True)
settings.load_profile("certwright")

# A shell that starts something in the background has it ignore Ctrl-C, and so do its children: the tests that press
# Ctrl-C on a program would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
