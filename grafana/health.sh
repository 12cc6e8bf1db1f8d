#!/bin/sh
# Health of Grafana's container: Grafana answers, and all that is provisioned is there.
#
# Grafana calls itself healthy without data sources, dashboards and alert rules. `files` wrote their
# addresses in the API to provisioned.curl. That part needs the administrator's password, and it
# runs until it has succeeded once: a password changed in Grafana's pages would be refused at each
# check, and five refusals lock the account.
set -eu

server=http://127.0.0.1:3000
files=/var/lib/pipeline
checked=/tmp/provisioning-checked

get() { # options of curl, further configuration on standard input
    { printf 'user = "admin:%s"\n' "$(cat "$files/copies/grafana/grafana_admin_password")"; cat; } |
        curl --config - --silent --show-error --max-time 5 "$@"
}

curl --fail --silent --show-error --max-time 5 --output /dev/null "$server/api/health"
[ ! -e "$checked" ] || exit 0

if [ "$(get --output /dev/null --write-out '%{http_code}' "$server/api/org" </dev/null)" = 401 ]; then
    echo "the administrator's password was changed: what is provisioned cannot be checked"
else
    get --fail --fail-early <"$files/grafana/provisioned.curl"
fi
touch "$checked"
