#!/bin/bash
# inference/llama-cpp-single-node, written by jupyter-llm
FOLDER='/jobs/a b'
PYTHON=/usr/bin/python3
HOST=127.0.0.1
REACHED_AT=127.0.0.1
OWN_GROUP=yes
BASE_PORT=8001
NUM_REPLICAS=1
GPUS_PER_REPLICA=0
TIME_LIMIT_S=7200
prepare() {
  :
}
serve() {
  export MODEL=guide
  export N_CTX=2048
  export JUPYTER_RUNTIME_DIR="$FOLDER"/runtime-"$INDEX"
  export JUPYTER_TOKEN="$(cat "$FOLDER"/key)"
  exec "$PYTHON" -m jupyter_llm.cli serve --alone --ServerApp.ip="$HOST" --ServerApp.port="$PORT" --ServerApp.port_retries=0 --ServerApp.base_url=/ --ServerApp.certfile= --ServerApp.allow_root=True --ServerApp.allow_remote_access=True --ServerApp.root_dir="$FOLDER" --ServerApp.terminals_enabled=False --LLMExtension.default_model=guide --LLMExtension.preload=True --LLMExtension.keep_alive_s=-1 --LLMExtension.registry_url=sqlite:///"$FOLDER"/registry-"$INDEX".sqlite3
}
