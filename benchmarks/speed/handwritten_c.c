/* Adam on the mean squared error of a network with two ReLU layers, gradients derived by hand, every size a constant.
   Compiled with -DINPUTS=4 -DHIDDEN1=16 -DHIDDEN2=8 -DBATCH=4; weights lie as (inputs, outputs), then the biases. */
#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    LAYER1 = 0,
    LAYER2 = LAYER1 + (INPUTS + 1) * HIDDEN1,
    LAYER3 = LAYER2 + (HIDDEN1 + 1) * HIDDEN2,
    WEIGHTS = LAYER3 + HIDDEN2 + 1,
};

static inline __attribute__((always_inline)) void forward(
    int in, int out, const float *restrict weights, const float *restrict x, float *restrict y) {
    for (int o = 0; o < out; o++) y[o] = weights[in * out + o];
    for (int i = 0; i < in; i++)
        for (int o = 0; o < out; o++) y[o] += x[i] * weights[i * out + o];
}

static inline __attribute__((always_inline)) void relu(int n, float *restrict x) {
    for (int i = 0; i < n; i++) x[i] = x[i] > 0 ? x[i] : 0;
}

/* Adds to the weights' gradient; dx, the gradient of x = relu(...), is not wanted for the first layer. */
static inline __attribute__((always_inline)) void backward(
    int in, int out, const float *restrict weights, const float *restrict x, const float *restrict dy,
    float *restrict grad, float *restrict dx) {
    for (int i = 0; i < in; i++)
        for (int o = 0; o < out; o++) grad[i * out + o] += x[i] * dy[o];
    for (int o = 0; o < out; o++) grad[in * out + o] += dy[o];
    if (!dx) return;
    for (int i = 0; i < in; i++) {
        float sum = 0;
        for (int o = 0; o < out; o++) sum += weights[i * out + o] * dy[o];
        dx[i] = x[i] > 0 ? sum : 0;
    }
}

static void adam(
    const float *restrict grad, float *restrict weights, float *restrict mean, float *restrict square,
    double *restrict powers, float rate) {
    powers[0] *= 0.9, powers[1] *= 0.999;
    float step = rate / (1 - powers[0]), root = 1 / sqrt(1 - powers[1]);
    for (int i = 0; i < WEIGHTS; i++) {
        mean[i] += (grad[i] - mean[i]) * 0.1f;
        square[i] = square[i] * 0.999f + grad[i] * grad[i] * 0.001f;
        weights[i] -= step * mean[i] / (sqrtf(square[i]) * root + 1e-8f);
    }
}

void train(
    int64_t steps, const int64_t *restrict order, const float *restrict inputs, const float *restrict target,
    float *restrict weights, float *restrict mean, float *restrict square, double *restrict powers, float rate) {
    float grad[WEIGHTS], hidden1[HIDDEN1], hidden2[HIDDEN2], prediction, d1[HIDDEN1], d2[HIDDEN2];
    for (int64_t step = 0; step < steps; step++) {
        memset(grad, 0, sizeof grad);
        for (int n = 0; n < BATCH; n++) {
            int64_t row = order[step * BATCH + n];
            const float *x = inputs + row * INPUTS;
            forward(INPUTS, HIDDEN1, weights + LAYER1, x, hidden1);
            relu(HIDDEN1, hidden1);
            forward(HIDDEN1, HIDDEN2, weights + LAYER2, hidden1, hidden2);
            relu(HIDDEN2, hidden2);
            forward(HIDDEN2, 1, weights + LAYER3, hidden2, &prediction);
            float d3 = (prediction - target[row]) * (2.0f / BATCH);
            backward(HIDDEN2, 1, weights + LAYER3, hidden2, &d3, grad + LAYER3, d2);
            backward(HIDDEN1, HIDDEN2, weights + LAYER2, hidden1, d2, grad + LAYER2, d1);
            backward(INPUTS, HIDDEN1, weights + LAYER1, x, d1, grad + LAYER1, 0);
        }
        adam(grad, weights, mean, square, powers, rate);
    }
}
