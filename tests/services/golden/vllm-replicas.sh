#!/bin/bash
# inference/vllm-replicas, written by jupyter-llm
FOLDER=/jobs/1
PYTHON=python3
HOST=0.0.0.0
REACHED_AT="$(hostname)"
OWN_GROUP=
BASE_PORT=8001
NUM_REPLICAS=2
GPUS_PER_REPLICA=2
TIME_LIMIT_S=7200
prepare() {
  :
}
serve() {
  export VLLM_MODEL=Qwen/Qwen2.5-0.5B-Instruct
  export VLLM_TENSOR_PARALLEL_SIZE=2
  export VLLM_API_KEY="$(cat "$FOLDER"/key)"
  exec vllm serve Qwen/Qwen2.5-0.5B-Instruct --host="$HOST" --port="$PORT" --tensor-parallel-size=2
}
