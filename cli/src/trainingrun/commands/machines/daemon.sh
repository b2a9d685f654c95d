# Acts on one daemon of this machine. Arguments: verb, folder, port, and what the verb needs.
# POSIX sh. Answers with one line "TRAININGRUN word [pid]", then perhaps lines of the log.
main() {
    verb=$1 folder=$2 port=$3
    shift 3
    cd || exit 1
    umask 077
    pid_file=$folder/$port.pid log=$folder/$port.log lock=$folder/$port.lock
    if [ "$verb" != start ] && [ ! -d "$folder" ]; then answer gone; return; fi
    mkdir -p "$folder" 2>/dev/null && [ -w "$folder" ] || { answer no-folder; return; }
    case $verb in
        start) locked && start "$@" ;;
        stop) locked && stop "$1" ;;
        look) look "$1" ;;
        log) runs; answer running "$pid"; tail -n "$1" "$log" 2>/dev/null ;;
    esac
}

answer() { printf 'TRAININGRUN %s\n' "$*"; }

# A pid alone may belong to another process by now; together with its start time it does not.
born() {
    if [ -r "/proc/$1/stat" ]; then
        sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
    else
        ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '_'
    fi
}

is_zombie() {
    case $(ps -o stat= -p "$1" 2>/dev/null || sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null) in
        Z*) return 0 ;;
        *) return 1 ;;
    esac
}

read_pid() {
    pid='' when=''
    [ -s "$pid_file" ] && read -r pid when <"$pid_file"
    case $pid in '' | *[!0-9]*) pid='' ; return 1 ;; esac
}

runs() {
    read_pid && kill -0 "$pid" 2>/dev/null && [ "$(born "$pid")" = "$when" ] && ! is_zombie "$pid"
}

# A symbolic link is made at once or not at all; one whose maker is gone is taken over.
locked() {
    if ! ln -s $$ "$lock" 2>/dev/null; then
        holder=$(readlink "$lock" 2>/dev/null)
        if [ -n "$holder" ] && kill -0 "$holder" 2>/dev/null; then answer busy; return 1; fi
        rm -f "$lock"
        ln -s $$ "$lock" 2>/dev/null || { answer busy; return 1; }
    fi
    trap 'rm -f "$lock"' EXIT
    trap 'exit 1' HUP INT TERM
}

start() {
    if runs; then answer running "$pid"; return; fi
    command -v "$1" >/dev/null 2>&1 || { answer no-program; return; }
    [ -f "$log" ] && mv -f "$log" "$log.1"
    if command -v setsid >/dev/null 2>&1; then
        setsid "$@" >"$log" 2>&1 </dev/null &
    else
        nohup "$@" >"$log" 2>&1 </dev/null &
    fi
    pid=$!
    when=$(born "$pid")
    printf '%s %s\n' "$pid" "$when" >"$pid_file.new" && mv -f "$pid_file.new" "$pid_file"
    answer started "$pid"
}

stop() {
    if ! runs; then rm -f "$pid_file"; answer gone; return; fi
    kill -TERM "$pid" 2>/dev/null
    left=$(($1 * 5))
    while runs && [ "$left" -gt 0 ]; do sleep 0.2; left=$((left - 1)); done
    said=stopped
    if runs; then
        said=killed
        kill -KILL "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null
    fi
    gone=$pid
    rm -f "$pid_file"
    answer "$said" "$gone"
}

look() {
    if runs; then answer running "$pid"
    elif [ -n "$pid" ]; then answer died "$pid"; tail -n "$1" "$log" 2>/dev/null
    else answer gone
    fi
}

main "$@"
