# Runs the servers of one service on one node, and says in its folder how they are. What is
# special to the service stands before this: variables, and the functions prepare and serve.
umask 077
# what belongs to the notebook server alone, and would lead a server of ours astray
unset ${!JUPYTERHUB_@} ${!JPY_@} ${!JUPYTER_LLM_@} ${!AUTO_@} MODEL_PATH JUPYTER_TOKEN
export JUPYTER_LLM_JOB="$FOLDER"
cd -- "$FOLDER" || exit 1
task=${SLURM_ARRAY_TASK_ID:-0}
suffix=
[ "$task" = 0 ] || suffix=".$task"
exec >>"log$suffix" 2>&1 </dev/null
SECONDS=0
pids=() ports=() began=() again=() failures=() claims=()

# When a process began, in a form that no other process with its number has.
birth() {
  if [ -r "/proc/$1/stat" ]; then
    sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20
  else
    ps -o lstart= -p "$1"
  fi
}

# How the job stands: state, exit status, reason. Readers never see half of it.
note() {
  printf '{"state":"%s","exit_code":%d,"reason":"%s","at":%d}\n' "$1" "$2" "$3" "$(date +%s)" \
    >"new.state.json$suffix" && mv -f "new.state.json$suffix" "state.json$suffix"
}

finish() {
  trap '' TERM INT HUP
  for pid in "${pids[@]}"; do [ "$pid" = 0 ] || kill -TERM "$pid" 2>/dev/null; done
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
    any_alive || break
    sleep 0.5
  done
  for pid in "${pids[@]}"; do [ "$pid" = 0 ] || kill -KILL "$pid" 2>/dev/null; done
  for claim in "${claims[@]}"; do rm -f "$claim"; done
  note "$1" "$2" "$3"
  echo "[service] $1: $3"
  # whatever the servers have left behind
  [ -z "$OWN_GROUP" ] || kill -KILL -- "-$$"
  exit "$2"
}

any_alive() {
  for pid in "${pids[@]}"; do
    [ "$pid" = 0 ] || ! kill -0 "$pid" 2>/dev/null || return 0
  done
  return 1
}

lives() { kill -0 "$1" 2>/dev/null || ps -p "$1" >/dev/null 2>&1; }

# Takes away the claim of a process that has gone: by moving it, as another job may have done
# so, too, and have its own claim there by now, which it then gets back.
give_up() {
  mv -f "$1" "$1.$$" 2>/dev/null || return 0
  [ "$(readlink "$1.$$")" = "$2" ] || ln -s "$(readlink "$1.$$")" "$1" 2>/dev/null
  rm -f "$1.$$"
}

# Sets port to the first one from $1 on that nobody listens on or has laid claim to.
take_port() {
  port=$1
  while [ "$port" -le 65535 ]; do
    local claim="/tmp/jupyter-llm-port-$port" owner
    owner=$(readlink "$claim" 2>/dev/null)
    [ -z "$owner" ] || lives "$owner" || give_up "$claim" "$owner"
    if ln -s "$$" "$claim" 2>/dev/null; then
      if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        claims+=("$claim")
        return 0
      fi
      rm -f "$claim"
    fi
    port=$((port + 1))
  done
  finish failed 1 "No port is free from $1 on."
}

start() {
  local index=$1 gpus=${CUDA_VISIBLE_DEVICES-}
  if [ "$GPUS_PER_REPLICA" -gt 0 ]; then
    local devices
    IFS=, read -r -a devices <<<"$gpus"
    devices=("${devices[@]:index * GPUS_PER_REPLICA:GPUS_PER_REPLICA}")
    [ "${#devices[@]}" -eq "$GPUS_PER_REPLICA" ] \
      || finish failed 1 "The node gave too few GPUs for the replicas."
    gpus=$(IFS=,; echo "${devices[*]}")
  fi
  (
    trap - TERM INT HUP
    INDEX=$index PORT=${ports[index]}
    [ -z "$gpus" ] || export CUDA_VISIBLE_DEVICES="$gpus"
    serve
  ) &
  pids[index]=$! began[index]=$SECONDS again[index]=0
  printf '{"replica":%d,"host":"%s","port":%d,"gpus":"%s","pid":%d}\n' \
    "$((task * NUM_REPLICAS + index))" "$REACHED_AT" "${ports[index]}" "$gpus" "$!" \
    >>"endpoints.jsonl$suffix"
}

# A replica has ended: a group goes on with the others and starts it again, a single one ends.
ended() {
  local index=$1 status
  wait "${pids[index]}"
  status=$?
  pids[index]=0
  echo "[service] replica $index ended with status $status"
  [ "$NUM_REPLICAS" -gt 1 ] || finish "$(verdict "$status")" "$status" "$(because "$status")"
  if [ $((SECONDS - began[index])) -ge 3 ]; then failures[index]=0; fi
  failures[index]=$((failures[index] + 1))
  again[index]=$((SECONDS + failures[index] - 1))
  [ "${failures[index]}" -lt 5 ] || again[index]=-1
  for next in "${again[@]}"; do [ "$next" = -1 ] || return 0; done
  finish failed "$status" "No replica keeps running. $(because "$status")"
}

verdict() { if [ "$1" = 0 ]; then echo completed; else echo failed; fi; }

because() {
  case $1 in
    0) echo "It ended by itself." ;;
    126 | 127) echo "Its command was not found on the node (exit status $1)." ;;
    137) echo "It was killed, perhaps for want of memory (exit status 137)." ;;
    *) echo "It ended with exit status $1; the log says why." ;;
  esac
}

stopped() { finish cancelled 143 "It was stopped."; }
trap stopped TERM INT
trap '' HUP

printf '%s %s\n' "$$" "$(birth $$)" >"pid$suffix"
note running 0 ""
echo "[service] job ${SLURM_JOB_ID:-$$} on $(hostname): $NUM_REPLICAS server(s)"
prepare || finish failed 1 "What the recipe loads is not on the node; the log says what."
port=$((BASE_PORT - 1))
for ((index = 0; index < NUM_REPLICAS; index++)); do
  take_port $((port + 1))
  ports[index]=$port failures[index]=0 again[index]=0 pids[index]=0
done
for ((index = 0; index < NUM_REPLICAS; index++)); do start "$index"; done
while :; do
  sleep 1 &
  wait $!
  [ "$TIME_LIMIT_S" = 0 ] || [ "$SECONDS" -lt "$TIME_LIMIT_S" ] \
    || finish timeout 124 "Its time limit of $TIME_LIMIT_S s was reached."
  for ((index = 0; index < NUM_REPLICAS; index++)); do
    if [ "${pids[index]}" != 0 ]; then
      kill -0 "${pids[index]}" 2>/dev/null || ended "$index"
    elif [ "${again[index]}" != -1 ] && [ "$SECONDS" -ge "${again[index]}" ]; then
      start "$index"
    fi
  done
done
