"""What holds for every test."""

import signal

# A shell that starts something in the background has it ignore Ctrl-C, and so do its children: the tests that press
# Ctrl-C on a program would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
