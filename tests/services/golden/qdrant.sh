#!/bin/bash
# vector-db/qdrant, written by jupyter-llm
FOLDER='/jobs/a b'
PYTHON=/usr/bin/python3
HOST=127.0.0.1
REACHED_AT=127.0.0.1
OWN_GROUP=yes
BASE_PORT=6333
NUM_REPLICAS=1
GPUS_PER_REPLICA=0
TIME_LIMIT_S=28800
prepare() {
  :
}
serve() {
  export QDRANT__SERVICE__HOST="$HOST"
  export QDRANT__SERVICE__HTTP_PORT="$PORT"
  export QDRANT__STORAGE__STORAGE_PATH="$FOLDER"/storage
  export QDRANT__STORAGE__SNAPSHOTS_PATH="$FOLDER"/snapshots
  export QDRANT__TELEMETRY_DISABLED=true
  export QDRANT__SERVICE__API_KEY="$(cat "$FOLDER"/key)"
  exec qdrant
}
