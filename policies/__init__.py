"""A CrossGuard policy pack for systems that run on Docker hosts.

It knows nothing of the program that it checks but the conventions that its config sets. Its engine is here, its rules
are in `docker`, `aws` and `cloudflare`, and `registry` lists them. Rules share what `workloads`, `proxies`, `health`
and `secret_scanning` find out; `documents` reads the pack's own files, and `audit` checks a running host.
"""
