"""Which architectures vLLM serves, and a model of each to begin with.

From the list of supported models in vLLM's documentation; it serves more than these.
"""

from __future__ import annotations

EXAMPLES: dict[str, str] = {
    "BertModel": "BAAI/bge-base-en-v1.5",
    "BloomForCausalLM": "bigscience/bloom-560m",
    "CohereForCausalLM": "CohereLabs/c4ai-command-r-v01",
    "DeepseekV2ForCausalLM": "deepseek-ai/DeepSeek-V2-Lite-Chat",
    "DeepseekV3ForCausalLM": "deepseek-ai/DeepSeek-V3",
    "FalconForCausalLM": "tiiuae/falcon-7b-instruct",
    "Gemma2ForCausalLM": "google/gemma-2-2b-it",
    "Gemma3ForCausalLM": "google/gemma-3-1b-it",
    "Gemma3ForConditionalGeneration": "google/gemma-3-4b-it",
    "GemmaForCausalLM": "google/gemma-2b-it",
    "Glm4ForCausalLM": "zai-org/GLM-4-9B-0414",
    "Glm4MoeForCausalLM": "zai-org/GLM-4.5-Air",
    "GPT2LMHeadModel": "openai-community/gpt2",
    "GptOssForCausalLM": "openai/gpt-oss-20b",
    "GPTNeoXForCausalLM": "EleutherAI/pythia-160m",
    "GraniteForCausalLM": "ibm-granite/granite-3.1-2b-instruct",
    "InternLM2ForCausalLM": "internlm/internlm2-chat-7b",
    "LlamaForCausalLM": "meta-llama/Llama-3.1-8B-Instruct",
    "Mistral3ForConditionalGeneration": "mistralai/Mistral-Small-3.1-24B-Instruct-2503",
    "MistralForCausalLM": "mistralai/Mistral-7B-Instruct-v0.3",
    "MixtralForCausalLM": "mistralai/Mixtral-8x7B-Instruct-v0.1",
    "Olmo2ForCausalLM": "allenai/OLMo-2-1124-7B-Instruct",
    "OlmoForCausalLM": "allenai/OLMo-1B-hf",
    "OPTForCausalLM": "facebook/opt-125m",
    "Phi3ForCausalLM": "microsoft/Phi-4-mini-instruct",
    "PhiForCausalLM": "microsoft/phi-2",
    "Qwen2_5_VLForConditionalGeneration": "Qwen/Qwen2.5-VL-3B-Instruct",
    "Qwen2ForCausalLM": "Qwen/Qwen2.5-0.5B-Instruct",
    "Qwen2MoeForCausalLM": "Qwen/Qwen1.5-MoE-A2.7B-Chat",
    "Qwen3ForCausalLM": "Qwen/Qwen3-0.6B",
    "Qwen3MoeForCausalLM": "Qwen/Qwen3-30B-A3B",
    "SmolLM3ForCausalLM": "HuggingFaceTB/SmolLM3-3B",
    "StableLmForCausalLM": "stabilityai/stablelm-3b-4e1t",
    "Starcoder2ForCausalLM": "bigcode/starcoder2-3b",
    "XLMRobertaModel": "BAAI/bge-m3",
}


def is_served(architectures: tuple[str, ...]) -> bool:
    """Whether vLLM serves a model of these architectures, as far as is known here."""
    return any(name in EXAMPLES for name in architectures)
