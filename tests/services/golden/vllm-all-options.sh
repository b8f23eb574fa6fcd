#!/bin/bash
# inference/vllm-single-node, written by jupyter-llm
FOLDER=/jobs/1
PYTHON=python3
HOST=::
REACHED_AT="$(hostname)"
OWN_GROUP=
BASE_PORT=9000
NUM_REPLICAS=1
GPUS_PER_REPLICA=0
TIME_LIMIT_S=7200
export CUDA_VISIBLE_DEVICES=0,1
prepare() {
  :
}
serve() {
  export VLLM_MODEL='it'"'"'s a model'
  export VLLM_TENSOR_PARALLEL_SIZE=4
  export VLLM_LOGGING_LEVEL='$(id)'
  export VLLM_API_KEY="$(cat "$FOLDER"/key)"
  exec vllm serve 'it'"'"'s a model' --host="$HOST" --port="$PORT" --tensor-parallel-size=4
}
