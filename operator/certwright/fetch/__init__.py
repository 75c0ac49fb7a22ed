"""Fetching revocation lists over HTTP: the hostile network, a port of its own.

Who writes a URL is not the administrator, and who answers is nobody we know. So the hosts are chosen by the settings,
a name is resolved once and connected to at exactly those addresses, addresses inside the cluster and of the cloud's
metadata are refused, every redirect is judged like the first URL, everything has a bound, and of a failure only a
coarse class is told: never what the server said. URLs inside certificates are never fetched.

What it does not do: parse what it fetched (`certwright.pki` does), or find out that a server says "not modified" of a
list that it did modify; a full fetch once a day limits that (`certwright.fetch.schedule`).
"""
