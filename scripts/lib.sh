# Shared by the scripts: where things are, what is said, how versions are compared. Sourced, never run.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
EVP_CACHE=${EVP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/red-petroleum-ev}
export EVP_CACHE
# shellcheck source=scripts/versions
source "$repository/scripts/versions"

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }

fail() {
  printf '\n%s: %s\n' "$(basename "$0")" "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# at_least HAVE WANT: whether version HAVE is WANT or newer.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]; }

# "3 min 12 s" from seconds.
duration() { if [ "$1" -ge 60 ]; then echo "$(($1 / 60)) min $(($1 % 60)) s"; else echo "$1 s"; fi; }
