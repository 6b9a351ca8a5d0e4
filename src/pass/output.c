/* output.c - stages logits and probs: from the last stack to the vocabulary. */
#include "pass/stage.h"

#include "tensor/kernels.h"
#include "tensor/matmul.h"

/* out [T, vocab] = x [T, d] · W_U (+ b_U [vocab]), where W_U is a weight [d, vocab] or the embedding [vocab, d] transposed */
void stage_logits_forward(const StageRun *r)
{
    size_t T = r->stage->shape[0], n = r->stage->shape[1], d = r->config->d_model;
    Matrix w_u = r->config->tie_embeddings ? matrix_transposed(r->w[0]) : r->w[0];
    linear_forward(r->out, r->in[0], &w_u, stage_vector(r, 1), T, d, n);
}

void stage_logits_backward(const StageRun *r)
{
    size_t T = r->stage->shape[0], n = r->stage->shape[1], d = r->config->d_model;
    if (!r->config->tie_embeddings) {
        linear_backward(r->din[0], r->dw[0], r->dw[1], r->dout, r->in[0], &r->w[0], T, d, n);
        return;
    }
    matmul_matrix(r->din[0], d, r->dout, n, PLAIN, &r->w[0], T, d, n, true);
    matmul(r->dw[0], d, r->dout, n, TRANSPOSED, r->in[0], d, PLAIN, n, d, T, true);
    for (size_t t = 0; r->dw[1] && t < T; t++)
        add_to(r->dw[1], r->dout + t * n, n);
}

/* out [T, vocab] = softmax of each row of the logits */
void stage_probs_forward(const StageRun *r)
{
    softmax_forward(r->out, r->in[0], r->stage->shape[0], r->stage->shape[1]);
}

/* Nothing: the loss is computed from the logits, so that its gradient does not pass through here. */
void stage_probs_backward(const StageRun *r)
{
    (void)r;
}
