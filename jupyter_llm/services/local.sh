# What the launcher of this machine asks of a shell: start, look, cancel, kill or
# sweep, then folders; or which GPUs there are.
umask 077

# When the process $1 began, behind the letter of its state; nothing where there is none.
life() {
  if [ -d /proc/self ]; then
    [ ! -r "/proc/$1/stat" ] || sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 1,20
  else
    ps -o stat=,lstart= -p "$1"
  fi
}

# Sets pid to the job's own script, if that still runs.
find_script() {
  pid=0 birth=
  [ ! -r "$1/pid" ] || read -r pid birth <"$1/pid"
  [ "$pid" != 0 ] || return 1
  set -- $(life "$pid")
  case ${1:-Z} in Z*) return 1 ;; esac
  shift
  [ "$*" = "$birth" ]
}

task=$1
[ $# = 0 ] || shift
case $task in
  start)
    cat >"$1/job.sh" || exit 1
    # job control gives the script a process group of its own
    set -m
    bash "$1/job.sh" >>"$1/log" 2>&1 </dev/null &
    ;;
  gpus)
    if [ -n "${CUDA_VISIBLE_DEVICES+set}" ]; then
      echo "$CUDA_VISIBLE_DEVICES"
    else
      nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null
    fi
    ;;
  look)
    for folder; do
      if find_script "$folder"; then echo "runs $folder"; else echo "gone $folder"; fi
    done
    ;;
  cancel) ! find_script "$1" || kill -TERM "$pid" ;;
  kill) ! find_script "$1" || kill -KILL -- "-$pid" ;;
  sweep)
    [ -r "$1/pid" ] && [ -d /proc/self ] || exit 0
    read -r pid birth <"$1/pid"
    for stat in /proc/[0-9]*/stat; do
      set -- "$1" $(sed 's/.*) //' "$stat" 2>/dev/null)
      [ "${4:-}" = "$pid" ] || continue
      process=${stat#/proc/} process=${process%/stat}
      ! grep -qsF "JUPYTER_LLM_JOB=$1" "/proc/$process/environ" || kill -KILL "$process"
    done
    ;;
esac
exit 0
