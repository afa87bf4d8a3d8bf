// Answers golden vectors: `refebm vectors VECTORS`, then `node javascript.mjs VECTORS ANSWERS`, which reads
// VECTORS/<function>.json and writes ANSWERS/<function>.json, then `refebm crosscheck --answers ANSWERS`.
// An example for any language: put your own functions into `functions`. A function that is not there is unsupported; a
// question that cannot be answered says why. Rows are points; `score` is a model as data; sigma is a number or one per row.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const sum = (a) => a.reduce((total, term) => total + term, 0);
const affine = (W, b, x) => b.map((offset, j) => offset + sum(x.map((x_i, i) => x_i * W[i][j])));

const scores = {
  mlp_score: ({ layers }) => (x) =>
    layers.reduce((h, [W, b], depth) => affine(W, b, depth === 0 ? h : h.map(Math.tanh)), x),
  mixture: ({ logits, means, precisions }) => (x) => {
    const slopes = means.map((mean, k) => precisions[k].map((row) => sum(row.map((p, j) => p * (mean[j] - x[j])))));
    const joint = means.map((mean, k) => logits[k] - 0.5 * sum(slopes[k].map((s, i) => s * (mean[i] - x[i]))));
    const weights = joint.map((a) => Math.exp(a - Math.max(...joint)));
    return x.map((_, i) => sum(weights.map((w, k) => w * slopes[k][i])) / sum(weights));
  },
  quadratic: ({ mean, precision }) => (x) =>
    precision.map((row) => -sum(row.map((p, j) => p * (x[j] - mean[j])))),
};
const scoreOf = (model) => scores[model.kind](model.parameters);
const level = (sigma, n) => (Array.isArray(sigma) ? sigma[n] : sigma); // of row n

const functions = {
  denoising_score_matching: ({ score, x, sigma, z }) => x.map((x_n, n) => {
    const s = level(sigma, n);
    const predicted = scoreOf(score)(x_n.map((x_i, i) => x_i + s * z[n][i]));
    return 0.5 * sum(predicted.map((p, i) => (p + z[n][i] / s) ** 2));
  }),
  tweedie_mean: ({ score, y, sigma }) => y.map((y_n, n) =>
    scoreOf(score)(y_n).map((s_i, i) => y_n[i] + level(sigma, n) ** 2 * s_i)),
  "Laplace.log_prob": ({ density: { parameters: { loc, scale } }, x }) => x.map((x_n) =>
    sum(x_n.map((x_i, i) => -Math.abs(x_i - loc[i]) / scale[i] - Math.log(2 * scale[i])))),
};

const [vectors, answers] = process.argv.slice(2);
mkdirSync(answers, { recursive: true });
for (const [name, answer] of Object.entries(functions)) {
  const asked = JSON.parse(readFileSync(`${vectors}/${name}.json`, "utf8"));
  const answered = asked.vectors.map(({ id, arguments: given }) => [id, !given.score || given.score.kind in scores
    ? { value: answer(given) } : { unsupported: `a score of kind ${given.score.kind}` }]);
  const content = { function: name, digest: asked.digest, answers: Object.fromEntries(answered) };
  writeFileSync(`${answers}/${name}.json`, JSON.stringify(content) + "\n");
}
