/* hf_architectures.c - the architectures that are read, and where each of our weights lies in their files.
 *
 * Owns names only. */
#include "model/hf_internal.h"

#include "model/nearest.h"

#include <string.h>

/* GPT-2's Conv1D is [inputs, outputs] as ours; c_attn is W_Q, W_K and W_V side by side. */
static const HfTensor gpt2_tensors[] = {
    {"decoder.embed.W_E", "wte.weight", PLAIN, HF_WHOLE, false},
    {"decoder.embed.W_P", "wpe.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.norm.gain", "h.%zu.ln_1.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.norm.bias", "h.%zu.ln_1.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_Q", "h.%zu.attn.c_attn.weight", PLAIN, HF_FUSED_Q, false},
    {"decoder.%zu.self.b_Q", "h.%zu.attn.c_attn.bias", PLAIN, HF_FUSED_Q, false},
    {"decoder.%zu.self.W_K", "h.%zu.attn.c_attn.weight", PLAIN, HF_FUSED_K, false},
    {"decoder.%zu.self.b_K", "h.%zu.attn.c_attn.bias", PLAIN, HF_FUSED_K, false},
    {"decoder.%zu.self.W_V", "h.%zu.attn.c_attn.weight", PLAIN, HF_FUSED_V, false},
    {"decoder.%zu.self.b_V", "h.%zu.attn.c_attn.bias", PLAIN, HF_FUSED_V, false},
    {"decoder.%zu.self.W_O", "h.%zu.attn.c_proj.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.b_O", "h.%zu.attn.c_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.norm.gain", "h.%zu.ln_2.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.norm.bias", "h.%zu.ln_2.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_1", "h.%zu.mlp.c_fc.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_1", "h.%zu.mlp.c_fc.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_2", "h.%zu.mlp.c_proj.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_2", "h.%zu.mlp.c_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.final_norm.gain", "ln_f.weight", PLAIN, HF_WHOLE, false},
    {"decoder.final_norm.bias", "ln_f.bias", PLAIN, HF_WHOLE, false},
    {"output.W_U", "lm_head.weight", TRANSPOSED, HF_WHOLE, true},
    {NULL, NULL, PLAIN, HF_WHOLE, false},
};

static const char *const gpt2_unused[] = {".attn.bias", ".attn.masked_bias", NULL}; /* the triangle of the mask, which we compute */

/* nn.Linear's weight is [outputs, inputs]. */
static const HfTensor llama_tensors[] = {
    {"decoder.embed.W_E", "embed_tokens.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.norm.gain", "layers.%zu.input_layernorm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_Q", "layers.%zu.self_attn.q_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_Q", "layers.%zu.self_attn.q_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_K", "layers.%zu.self_attn.k_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_K", "layers.%zu.self_attn.k_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_V", "layers.%zu.self_attn.v_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_V", "layers.%zu.self_attn.v_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.q_norm.gain", "layers.%zu.self_attn.q_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.k_norm.gain", "layers.%zu.self_attn.k_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_O", "layers.%zu.self_attn.o_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_O", "layers.%zu.self_attn.o_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.norm.gain", "layers.%zu.post_attention_layernorm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_G", "layers.%zu.mlp.gate_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_G", "layers.%zu.mlp.gate_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_1", "layers.%zu.mlp.up_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_1", "layers.%zu.mlp.up_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_2", "layers.%zu.mlp.down_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_2", "layers.%zu.mlp.down_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.final_norm.gain", "norm.weight", PLAIN, HF_WHOLE, false},
    {"output.W_U", "lm_head.weight", TRANSPOSED, HF_WHOLE, true},
    {NULL, NULL, PLAIN, HF_WHOLE, false},
};

static const char *const llama_unused[] = {".rotary_emb.inv_freq", NULL}; /* RoPE's speeds, which we compute */

/* Marian: BART's names, both stacks with one embedding. final_logits_bias is a matrix of one row. */
static const HfTensor marian_tensors[] = {
    {"encoder.embed.W_E", "shared.weight", PLAIN, HF_WHOLE, false},
    {"encoder.embed.W_E", "encoder.embed_tokens.weight", PLAIN, HF_WHOLE, false}, /* the same under the names that a file may have instead */
    {"encoder.embed.W_E", "decoder.embed_tokens.weight", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.self.W_Q", "encoder.layers.%zu.self_attn.q_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"encoder.%zu.self.b_Q", "encoder.layers.%zu.self_attn.q_proj.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.self.W_K", "encoder.layers.%zu.self_attn.k_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"encoder.%zu.self.b_K", "encoder.layers.%zu.self_attn.k_proj.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.self.W_V", "encoder.layers.%zu.self_attn.v_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"encoder.%zu.self.b_V", "encoder.layers.%zu.self_attn.v_proj.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.self.W_O", "encoder.layers.%zu.self_attn.out_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"encoder.%zu.self.b_O", "encoder.layers.%zu.self_attn.out_proj.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.self.norm.gain", "encoder.layers.%zu.self_attn_layer_norm.weight", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.self.norm.bias", "encoder.layers.%zu.self_attn_layer_norm.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.ffn.W_1", "encoder.layers.%zu.fc1.weight", TRANSPOSED, HF_WHOLE, false},
    {"encoder.%zu.ffn.b_1", "encoder.layers.%zu.fc1.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.ffn.W_2", "encoder.layers.%zu.fc2.weight", TRANSPOSED, HF_WHOLE, false},
    {"encoder.%zu.ffn.b_2", "encoder.layers.%zu.fc2.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.ffn.norm.gain", "encoder.layers.%zu.final_layer_norm.weight", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.ffn.norm.bias", "encoder.layers.%zu.final_layer_norm.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_Q", "decoder.layers.%zu.self_attn.q_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_Q", "decoder.layers.%zu.self_attn.q_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_K", "decoder.layers.%zu.self_attn.k_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_K", "decoder.layers.%zu.self_attn.k_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_V", "decoder.layers.%zu.self_attn.v_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_V", "decoder.layers.%zu.self_attn.v_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_O", "decoder.layers.%zu.self_attn.out_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_O", "decoder.layers.%zu.self_attn.out_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.norm.gain", "decoder.layers.%zu.self_attn_layer_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.norm.bias", "decoder.layers.%zu.self_attn_layer_norm.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.cross.W_Q", "decoder.layers.%zu.encoder_attn.q_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.cross.b_Q", "decoder.layers.%zu.encoder_attn.q_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.cross.W_K", "decoder.layers.%zu.encoder_attn.k_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.cross.b_K", "decoder.layers.%zu.encoder_attn.k_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.cross.W_V", "decoder.layers.%zu.encoder_attn.v_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.cross.b_V", "decoder.layers.%zu.encoder_attn.v_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.cross.W_O", "decoder.layers.%zu.encoder_attn.out_proj.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.cross.b_O", "decoder.layers.%zu.encoder_attn.out_proj.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.cross.norm.gain", "decoder.layers.%zu.encoder_attn_layer_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.cross.norm.bias", "decoder.layers.%zu.encoder_attn_layer_norm.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_1", "decoder.layers.%zu.fc1.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_1", "decoder.layers.%zu.fc1.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_2", "decoder.layers.%zu.fc2.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_2", "decoder.layers.%zu.fc2.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.norm.gain", "decoder.layers.%zu.final_layer_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.norm.bias", "decoder.layers.%zu.final_layer_norm.bias", PLAIN, HF_WHOLE, false},
    {"output.W_U", "lm_head.weight", TRANSPOSED, HF_WHOLE, true},
    {"output.b_U", "final_logits_bias", PLAIN, HF_ONE_ROW, true},
    {NULL, NULL, PLAIN, HF_WHOLE, false},
};

/* The sinusoidal table, which we compute, and the shared embedding again under its other names. */
static const char *const marian_unused[] = {".embed_positions.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", NULL};

/* GPT-NeoX and Pythia: query_key_value has the heads one behind the other, each with its query, key and value. */
static const HfTensor gpt_neox_tensors[] = {
    {"decoder.embed.W_E", "embed_in.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.norm.gain", "layers.%zu.input_layernorm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.norm.bias", "layers.%zu.input_layernorm.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.self.W_Q", "layers.%zu.attention.query_key_value.weight", TRANSPOSED, HF_HEADS_Q, false},
    {"decoder.%zu.self.b_Q", "layers.%zu.attention.query_key_value.bias", PLAIN, HF_HEADS_Q, false},
    {"decoder.%zu.self.W_K", "layers.%zu.attention.query_key_value.weight", TRANSPOSED, HF_HEADS_K, false},
    {"decoder.%zu.self.b_K", "layers.%zu.attention.query_key_value.bias", PLAIN, HF_HEADS_K, false},
    {"decoder.%zu.self.W_V", "layers.%zu.attention.query_key_value.weight", TRANSPOSED, HF_HEADS_V, false},
    {"decoder.%zu.self.b_V", "layers.%zu.attention.query_key_value.bias", PLAIN, HF_HEADS_V, false},
    {"decoder.%zu.self.W_O", "layers.%zu.attention.dense.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.self.b_O", "layers.%zu.attention.dense.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.norm.gain", "layers.%zu.post_attention_layernorm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.norm.bias", "layers.%zu.post_attention_layernorm.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_1", "layers.%zu.mlp.dense_h_to_4h.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_1", "layers.%zu.mlp.dense_h_to_4h.bias", PLAIN, HF_WHOLE, false},
    {"decoder.%zu.ffn.W_2", "layers.%zu.mlp.dense_4h_to_h.weight", TRANSPOSED, HF_WHOLE, false},
    {"decoder.%zu.ffn.b_2", "layers.%zu.mlp.dense_4h_to_h.bias", PLAIN, HF_WHOLE, false},
    {"decoder.final_norm.gain", "final_layer_norm.weight", PLAIN, HF_WHOLE, false},
    {"decoder.final_norm.bias", "final_layer_norm.bias", PLAIN, HF_WHOLE, false},
    {"output.W_U", "embed_out.weight", TRANSPOSED, HF_WHOLE, true},
    {NULL, NULL, PLAIN, HF_WHOLE, false},
};

/* The triangle of the mask and RoPE's speeds, which we compute. */
static const char *const gpt_neox_unused[] = {".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq", NULL};

/* BERT with its masked language model's head. */
static const HfTensor bert_tensors[] = {
    {"encoder.embed.W_E", "embeddings.word_embeddings.weight", PLAIN, HF_WHOLE, false},
    {"encoder.embed.W_P", "embeddings.position_embeddings.weight", PLAIN, HF_WHOLE, false},
    {"encoder.embed.W_T", "embeddings.token_type_embeddings.weight", PLAIN, HF_WHOLE, false},
    {"encoder.embed.norm.gain", "embeddings.LayerNorm.weight", PLAIN, HF_WHOLE, false},
    {"encoder.embed.norm.bias", "embeddings.LayerNorm.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.self.W_Q", "encoder.layer.%zu.attention.self.query.weight", TRANSPOSED, HF_WHOLE, false},
    {"encoder.%zu.self.b_Q", "encoder.layer.%zu.attention.self.query.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.self.W_K", "encoder.layer.%zu.attention.self.key.weight", TRANSPOSED, HF_WHOLE, false},
    {"encoder.%zu.self.b_K", "encoder.layer.%zu.attention.self.key.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.self.W_V", "encoder.layer.%zu.attention.self.value.weight", TRANSPOSED, HF_WHOLE, false},
    {"encoder.%zu.self.b_V", "encoder.layer.%zu.attention.self.value.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.self.W_O", "encoder.layer.%zu.attention.output.dense.weight", TRANSPOSED, HF_WHOLE, false},
    {"encoder.%zu.self.b_O", "encoder.layer.%zu.attention.output.dense.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.self.norm.gain", "encoder.layer.%zu.attention.output.LayerNorm.weight", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.self.norm.bias", "encoder.layer.%zu.attention.output.LayerNorm.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.ffn.W_1", "encoder.layer.%zu.intermediate.dense.weight", TRANSPOSED, HF_WHOLE, false},
    {"encoder.%zu.ffn.b_1", "encoder.layer.%zu.intermediate.dense.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.ffn.W_2", "encoder.layer.%zu.output.dense.weight", TRANSPOSED, HF_WHOLE, false},
    {"encoder.%zu.ffn.b_2", "encoder.layer.%zu.output.dense.bias", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.ffn.norm.gain", "encoder.layer.%zu.output.LayerNorm.weight", PLAIN, HF_WHOLE, false},
    {"encoder.%zu.ffn.norm.bias", "encoder.layer.%zu.output.LayerNorm.bias", PLAIN, HF_WHOLE, false},
    {"output.W_H", "cls.predictions.transform.dense.weight", TRANSPOSED, HF_WHOLE, true},
    {"output.b_H", "cls.predictions.transform.dense.bias", PLAIN, HF_WHOLE, true},
    {"output.norm.gain", "cls.predictions.transform.LayerNorm.weight", PLAIN, HF_WHOLE, true},
    {"output.norm.bias", "cls.predictions.transform.LayerNorm.bias", PLAIN, HF_WHOLE, true},
    {"output.W_U", "cls.predictions.decoder.weight", TRANSPOSED, HF_WHOLE, true},
    {"output.b_U", "cls.predictions.bias", PLAIN, HF_WHOLE, true},
    {"output.b_U", "cls.predictions.decoder.bias", PLAIN, HF_WHOLE, true},
    {NULL, NULL, PLAIN, HF_WHOLE, false},
};

/* Counted positions, a second copy of b_U, and what other tasks read: the pooled first token, and whether one text follows the other. */
static const char *const bert_unused[] = {".position_ids",
                                          "cls.predictions.decoder.bias",
                                          "pooler.dense.weight",
                                          "pooler.dense.bias",
                                          "cls.seq_relationship.weight",
                                          "cls.seq_relationship.bias",
                                          NULL};

const HfArchitecture hf_architectures[] = {
    {"gpt2", hf_read_gpt2, gpt2_tensors, "transformer.", gpt2_unused, "config.json", "GPT2LMHeadModel"},
    {"llama", hf_read_llama, llama_tensors, "model.", llama_unused, "config.json", "LlamaForCausalLM"},
    {"mistral", hf_read_mistral, llama_tensors, "model.", llama_unused, "config.json", "MistralForCausalLM"},
    {"qwen2", hf_read_qwen2, llama_tensors, "model.", llama_unused, "config.json", "Qwen2ForCausalLM"},
    {"qwen3", hf_read_qwen3, llama_tensors, "model.", llama_unused, "config.json", "Qwen3ForCausalLM"},
    {"gpt_neox", hf_read_gpt_neox, gpt_neox_tensors, "gpt_neox.", gpt_neox_unused, "config.json", "GPTNeoXForCausalLM"},
    {"bert", hf_read_bert, bert_tensors, "bert.", bert_unused, "config.json", "BertForMaskedLM"},
    {"marian", hf_read_marian, marian_tensors, "model.", marian_unused, "config.json", "MarianMTModel"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};

const HfArchitecture *hf_find_architecture(const char *model_type, const char *file, Error *e)
{
    Buffer known = {0};
    char quoted[QUOTE_SHORT];
    for (const HfArchitecture *a = hf_architectures; a->model_type; a++) {
        if (strcmp(a->model_type, model_type) == 0) {
            buffer_free(&known);
            return a;
        }
        buffer_printf(&known, "%s%s", known.len == 0 ? "" : a[1].model_type ? ", " : " or ", a->model_type);
    }
    error_set(e, "%s: model_type: expected an architecture that is read here, %s, found %s", file, buffer_text(&known),
              quote_short(model_type, strlen(model_type), quoted));
    buffer_free(&known);
    return NULL;
}
