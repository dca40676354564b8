#!/bin/sh
# Installs driverprint from the wheels beside this script, with no network. Usage: sh install.sh [FOLDER]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-$here/driverprint}
python=${PYTHON:-python3}
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-index --find-links "$here/wheels" --require-hashes -r "$here/run.lock"
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-index --no-deps "$here"/wheels/driverprint-*.whl
echo "Installed. Start it with: $venv/bin/driverprint --help"
