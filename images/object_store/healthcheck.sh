#!/bin/sh
# Succeeds if the bucket is listed by a signed request over TLS, the certificate checked: it fails
# when the certificate has expired or does not come from the stack's authority, too.
#
# Environment: BUCKET, REGION. Files in /etc/tasktracker: access-key, secret-key, ca.crt.
set -eu

FILES=/etc/tasktracker

SSL_CERT_FILE=$FILES/ca.crt
ADMIN_ACCESS_KEY=$(cat "$FILES/access-key")
ADMIN_SECRET_KEY=$(cat "$FILES/secret-key")
ADMIN_REGION=$REGION
ADMIN_ENDPOINT_URL=https://127.0.0.1:7070
export SSL_CERT_FILE ADMIN_ACCESS_KEY ADMIN_SECRET_KEY ADMIN_REGION ADMIN_ENDPOINT_URL

buckets=$(versitygw admin list-buckets)
echo "$buckets" | grep -q "^$BUCKET " || {
    echo "the bucket $BUCKET is missing" >&2
    exit 1
}
