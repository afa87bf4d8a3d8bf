"""Programs as people write them, from the papers' formulas alone: in PyTorch, JAX and NumPy, in many styles.

PROGRAMS: by name, the framework, refebm's function, the text below its head, and what has to be said to it: nothing
where it passes. MISTAKES: (program, was, becomes, what has to be said, what it was worth at first). They were written
without a look at the bank or at the search, which was then widened with those that it had not named. For these rows
PyTorch and JAX have to be there.
"""

HEADS = {
    "torch": "import math\n\nimport torch\nimport torch.nn.functional as F\n\n",
    "jax": "import jax\nimport jax.numpy as jnp\n\n",
    "numpy": "import math\n\nimport numpy as np\n\n",
}
PROGRAMS = {
    "ism_loop": ("torch", "implicit_score_matching", '', """
@objective
def implicit_score_matching(score, x):
    x = x.detach().clone().requires_grad_(True)
    s = score(x)
    loss = (s ** 2).sum(-1) / 2
    for k in range(x.shape[-1]):
        loss = loss + torch.autograd.grad(s[:, k].sum(), x, create_graph=True, retain_graph=True)[0][:, k]
    return loss.mean()
"""),
    "ism_vmap": ("torch", "implicit_score_matching", '', """
@objective
def implicit_score_matching(score, x):
    jac = torch.vmap(torch.func.jacfwd(score))(x)
    return torch.einsum("bjj->b", jac) + torch.einsum("bi,bi->b", score(x), score(x)) / 2
"""),
    "ism_energy_hessian": ("torch", "implicit_score_matching", '', """
def laplacian(energy, x):
    x = x.clone().requires_grad_()
    g = torch.autograd.grad(energy(x).sum(), x, create_graph=True)[0]
    lap = torch.zeros(x.shape[0])
    for i in range(x.shape[1]):
        lap = lap + torch.autograd.grad(g[:, i].sum(), x, create_graph=True)[0][:, i]
    return lap, g

@objective
def implicit_score_matching(energy, x):
    lap, g = laplacian(energy, x)
    return torch.mean(-lap + 0.5 * g.pow(2).sum(1))
"""),
    "ism_jax": ("jax", "implicit_score_matching", '', """
@objective
def implicit_score_matching(score, x):
    def one(p):
        s = score(p)
        return jnp.trace(jax.jacrev(score)(p)) + 0.5 * jnp.vdot(s, s)
    return jnp.mean(jax.vmap(one)(x))
"""),
    "ssm_torch": ("torch", "sliced_score_matching", '', """
def ssm(score_net, samples, n_particles=1):
    dup = samples.unsqueeze(0).expand(n_particles, *samples.shape).contiguous().view(-1, *samples.shape[1:])
    dup = dup.detach().requires_grad_(True)
    vectors = torch.randn_like(dup)
    g1 = score_net(dup)
    gv = torch.sum(g1 * vectors)
    loss1 = torch.sum(g1 * vectors, dim=-1) ** 2 * 0.5
    g2 = torch.autograd.grad(gv, dup, create_graph=True)[0]
    loss2 = torch.sum(vectors * g2, dim=-1)
    return (loss1.view(n_particles, -1).mean(0) + loss2.view(n_particles, -1).mean(0)).mean()

@objective
def sliced_score_matching(score, x, v):
    with handing_out(v):
        return ssm(score, x)
"""),
    "ssm_jvp": ("torch", "sliced_score_matching", '', """
class SSM:
    def __init__(self, net):
        self.net = net
    def __call__(self, x, v):
        s, hv = torch.func.jvp(self.net, (x,), (v,))
        return (v * hv).sum(1) + 0.5 * (v * s).sum(1).square()

@objective
def sliced_score_matching(score, x, v):
    return SSM(score)(x, v)
"""),
    "ssm_vr_rad": ("jax", "sliced_score_matching_vr", 'sign', """
@objective
def sliced_score_matching_vr(score, x, v):
    v = jnp.sign(v)
    s, dv = jax.jvp(score, (x,), (v,))
    return jnp.mean(jnp.sum(v * dv, axis=-1) + 0.5 * jnp.sum(s * s, axis=-1))
"""),
    "dsm_mse": ("torch", "denoising_score_matching", 'mean over coordinates|mean squared', """
@objective
def denoising_score_matching(score, x, sigma, z):
    with handing_out(z):
        noise = torch.randn_like(x) * sigma
    perturbed = x + noise
    target = -noise / sigma ** 2
    return F.mse_loss(score(perturbed), target)
"""),
    "dsm_anneal": ("torch", "noise_conditional_score_matching", '', """
def anneal_dsm(scorenet, samples, labels, sigmas, power=2.):
    used = sigmas[labels].view(samples.shape[0], *([1] * len(samples.shape[1:])))
    noise = torch.randn_like(samples) * used
    perturbed = samples + noise
    target = -1 / (used ** 2) * noise
    scores = scorenet(perturbed, used[:, 0])
    target = target.view(target.shape[0], -1)
    scores = scores.view(scores.shape[0], -1)
    loss = 1 / 2. * ((scores - target) ** 2).sum(dim=-1) * used.squeeze(-1) ** power
    return loss.mean(dim=0)

@objective
def noise_conditional_score_matching(score, x, sigma, z):
    with handing_out(z):
        return anneal_dsm(score, x, torch.arange(len(x)), sigma.expand(len(x), 1))
"""),
    "dsm_np": ("numpy", "denoising_score_matching", '', """
@objective
def denoising_score_matching(score, x, sigma, z):
    n, d = x.shape
    total = np.zeros(n)
    xt = x + sigma * z
    s = score(xt)
    for j in range(d):
        total += 0.5 * (s[:, j] - (x[:, j] - xt[:, j]) / np.broadcast_to(sigma, (n, 1))[:, 0] ** 2) ** 2
    return total
"""),
    "dsm_eps_net": ("jax", "noise_conditional_score_matching", 'predicts the noise', """
@objective
def noise_conditional_score_matching(model, x, sigma, z):
    xt = x + sigma * z
    pred = model(xt, sigma[:, 0])
    return jnp.mean((pred - z) ** 2)
"""),
    "dae_np": ("numpy", "denoising_autoencoder", '', """
@objective
def denoising_autoencoder(denoiser, x, sigma, z):
    noisy = x + sigma * z
    return np.mean(np.linalg.norm(denoiser(noisy) - x, axis=-1) ** 2)
"""),
    "nce_bce": ("torch", "noise_contrastive", '', """
@objective
def noise_contrastive(log_model, log_noise, x, y):
    nu, n, d = y.shape
    flat = y.reshape(-1, d)
    lx = log_model(x) - log_noise(x) - math.log(nu)
    ly = (log_model(flat) - log_noise(flat) - math.log(nu)).reshape(nu, n)
    pos = F.binary_cross_entropy_with_logits(lx, torch.ones_like(lx), reduction="none")
    neg = F.binary_cross_entropy_with_logits(ly, torch.zeros_like(ly), reduction="none")
    return pos + neg.sum(0)
"""),
    "nce_posterior": ("torch", "noise_contrastive", '', """
@objective
def noise_contrastive(log_model, log_noise, x, y):
    k = y.shape[0]
    def log_h(u):
        m, q = log_model(u), log_noise(u) + math.log(k)
        z = torch.logsumexp(torch.stack([m, q]), 0)
        return m - z, q - z
    loss = -log_h(x)[0]
    for yk in y:
        loss = loss - log_h(yk)[1]
    return loss.sum()
"""),
    "nce_np": ("numpy", "noise_contrastive", '', """
@objective
def noise_contrastive(log_model, log_noise, x, y):
    nu = len(y)
    G = lambda u: log_model(u) - log_noise(u) - np.log(nu)
    J = -np.logaddexp(0, -G(x))
    for k in range(nu):
        J -= np.logaddexp(0, G(y[k]))
    return -J
"""),
    "gan_ns": ("torch", "gan_discriminator_loss", '', """
bce = torch.nn.BCEWithLogitsLoss()
@objective
def gan_discriminator_loss(D, x, y):
    real, fake = D(x), D(y)
    return bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
"""),
    "cd_plain": ("torch", "contrastive_divergence", '', """
@objective
def contrastive_divergence(energy, x, x_model):
    return energy(x).mean() - energy(x_model.detach()).mean()
"""),
    "cd_reg": ("torch", "contrastive_divergence", 'squares of both energies', """
@objective
def contrastive_divergence(energy, x, x_model):
    inp = torch.cat([x, x_model.detach()], 0)
    real, fake = energy(inp).chunk(2, dim=0)
    reg = 0.01 * (real ** 2 + fake ** 2).mean()
    return reg + real.mean() - fake.mean()
"""),
    "ula_energy": ("torch", "langevin_step", '', """
@objective
def langevin_step(energy, x, step_size, z):
    x = x.clone().detach().requires_grad_(True)
    g = torch.autograd.grad(energy(x).sum(), x)[0]
    with torch.no_grad():
        x = x.add(g, alpha=-step_size)
        x += z.mul((2 * step_size) ** 0.5)
    return x
"""),
    "sgld_igebm": ("torch", "langevin_step", 'eps/2', """
@objective
def langevin_step(score, x, step_lr, z):
    with handing_out(z):
        noise = torch.empty_like(x).normal_(0, 1)
    return x + step_lr / 2 * score(x) + math.sqrt(step_lr) * noise
"""),
    "ald_ncsn": ("numpy", "annealed_langevin", '', """
@objective
def annealed_langevin(score, x, sigmas, eps, z):
    x = np.array(x)
    k = 0
    for i, sigma in enumerate(sigmas):
        labels = np.ones(len(x)) * sigma
        step = eps * (sigma / sigmas[-1]) ** 2
        for noise in z[i]:
            grad = score(x, labels)
            x = x + step * grad + noise * np.sqrt(step * 2)
    return x
"""),
    "mala_np": ("numpy", "mala_step", '', """
def log_q(to, frm, s, eta):
    return -np.sum((to - frm - eta * s) ** 2, axis=-1) / (4 * eta)
@objective
def mala_step(energy, x, eta, z, u):
    s = energy.score(x) if hasattr(energy, "score") else score_of(energy)(x)
    prop = x + eta * s + np.sqrt(2 * eta) * z
    sp = energy.score(prop) if hasattr(energy, "score") else score_of(energy)(prop)
    log_alpha = -energy(prop) + energy(x) + log_q(x, prop, sp, eta) - log_q(prop, x, s, eta)
    ok = np.log(u) < log_alpha
    return np.where(ok[:, None], prop, x), np.minimum(1, np.exp(log_alpha))
"""),
    "mala_jax": ("jax", "mala_step", '', """
@objective
def mala_step(energy, x, eta, z, u):
    def kernel(xi, zi, ui):
        logp = lambda q: -energy(q)
        mean = lambda q: q + eta * jax.grad(logp)(q)
        y = mean(xi) + jnp.sqrt(2 * eta) * zi
        fwd = -jnp.sum((y - mean(xi)) ** 2) / (4 * eta)
        bwd = -jnp.sum((xi - mean(y)) ** 2) / (4 * eta)
        a = jnp.exp(jnp.minimum(0.0, logp(y) - logp(xi) + bwd - fwd))
        return jnp.where(ui < a, y, xi), a
    return jax.vmap(kernel)(x, z, u)
"""),
    "hmc_torch": ("torch", "hmc_step", '', """
def grad_U(U, q):
    q = q.detach().requires_grad_(True)
    return torch.autograd.grad(U(q).sum(), q)[0]
@objective
def hmc_step(U, current_q, epsilon, L, p, u):
    q, current_p = current_q, p
    p = p - epsilon * grad_U(U, q) / 2
    for i in range(L):
        q = q + epsilon * p
        if i != L - 1:
            p = p - epsilon * grad_U(U, q)
    p = p - epsilon * grad_U(U, q) / 2
    p = -p
    current_H = U(current_q) + (current_p ** 2).sum(1) / 2
    proposed_H = U(q) + (p ** 2).sum(1) / 2
    accept = u < torch.exp(current_H - proposed_H)
    return torch.where(accept.unsqueeze(1), q, current_q)
"""),
    "leapfrog_np": ("numpy", "leapfrog", '', """
@objective
def leapfrog(score, x, p, eps, n_steps):
    x, p = np.copy(x), np.copy(p)
    g = score(x)
    for _ in range(n_steps):
        p += 0.5 * eps * g
        x += eps * p
        g = score(x)
        p += 0.5 * eps * g
    return x, p
"""),
    "mh_np": ("numpy", "metropolis_step", '', """
@objective
def metropolis_step(energy, x, scale, z, u):
    out = x.copy()
    prob = np.empty(len(x))
    for i in range(len(x)):
        prop = x[i] + scale * z[i]
        prob[i] = np.minimum(1.0, np.exp(energy(x[i:i+1])[0] - energy(prop[None])[0]))
        if u[i] < prob[i]:
            out[i] = prop
    return out, prob
"""),
    "ddpm_lucid": ("torch", "ddpm_loss", 'predicts the noise', """
def extract(a, t, x_shape):
    b, *_ = t.shape
    return a.gather(-1, t).reshape(b, *((1,) * (len(x_shape) - 1)))
class Diffusion:
    def __init__(self, model, betas):
        self.model = model
        alphas_cumprod = torch.cumprod(1. - betas, dim=0)
        self.sqrt_ac = torch.sqrt(alphas_cumprod)
        self.sqrt_1mac = torch.sqrt(1. - alphas_cumprod)
    def p_losses(self, x0, t, noise=None):
        noise = torch.randn_like(x0) if noise is None else noise
        xt = extract(self.sqrt_ac, t, x0.shape) * x0 + extract(self.sqrt_1mac, t, x0.shape) * noise
        return F.mse_loss(self.model(xt, t), noise, reduction="none").mean(dim=1).mean()
@objective
def ddpm_loss(net, betas, x, i, z):
    with handing_out(z):
        return Diffusion(net, betas).p_losses(x, i)
"""),
    "ddpm_minsnr": ("torch", "ddpm_loss", 'min', """
@objective
def ddpm_loss(net, betas, x, i, z):
    ac = torch.cumprod(1 - betas, 0)[i]
    snr = ac / (1 - ac)
    xt = ac.sqrt()[:, None] * x + (1 - ac).sqrt()[:, None] * z
    w = torch.minimum(snr, torch.full_like(snr, 5.0)) / snr
    return (w * ((net(xt, i) - z) ** 2).mean(1)).mean()
"""),
    "ddpm_step_np": ("numpy", "ddpm_step", 'last step.*noise|noise.*last step', """
@objective
def ddpm_step(eps_model, betas, x, i, z, posterior):
    alphas = 1 - betas
    abar = np.cumprod(alphas)
    out = np.empty_like(x)
    eps = eps_model(x, i)
    for n, t in enumerate(np.broadcast_to(i, (len(x),))):
        mean = (x[n] - betas[t] / np.sqrt(1 - abar[t]) * eps[n]) / np.sqrt(alphas[t])
        prev = abar[t - 1] if t > 0 else 1.0
        var = betas[t] * (1 - prev) / (1 - abar[t]) if posterior else betas[t]
        out[n] = mean + (np.sqrt(var) * z[n] if t > 0 else 0)
    return out
"""),
    "ddim_torch": ("torch", "ddim_step", 'predicts the noise', """
@objective
def ddim_step(net, betas, x, i, eta, z):
    a = torch.cat([torch.ones(1), torch.cumprod(1 - betas, 0)])
    at, an = a[i + 1][:, None], a[i][:, None]
    et = net(x, i)
    x0 = (x - et * (1 - at).sqrt()) / at.sqrt()
    c1 = eta * ((1 - at / an) * (1 - an) / (1 - at)).sqrt()
    c2 = ((1 - an) - c1 ** 2).sqrt()
    return an.sqrt() * x0 + c1 * z + c2 * et
"""),
    "fm_torch": ("torch", "flow_matching", '', """
@objective
def flow_matching(v, x, z, t):
    t_ = t.view(-1, *([1] * (x.dim() - 1)))
    xt = torch.lerp(x, z, t_)
    return (v(xt, t) - (z - x)).pow(2).flatten(1).mean(1)
"""),
    "fm_lipman": ("jax", "flow_matching", 't = 1|data at', """
@objective
def flow_matching(net, x, z, t):
    def one(x1, x0, ti):
        return jnp.sum((net(ti * x1 + (1 - ti) * x0, ti) - (x1 - x0)) ** 2)
    return jnp.mean(jax.vmap(one)(x, z, t))
"""),
    "sde_sm": ("torch", "diffusion_score_matching", 'weights of its own', """
@objective
def diffusion_score_matching(score, sde, weight, x, t, z):
    mean, std = sde.marginal(t)
    perturbed = mean[:, None] * x + std[:, None] * z
    losses = torch.square(score(perturbed, t) * std[:, None] + z)
    losses = torch.mean(losses.reshape(losses.shape[0], -1), dim=-1)
    return torch.mean(losses)
"""),
    "rev_em": ("numpy", "reverse_sde_step", '', """
@objective
def reverse_sde_step(score, sde, x, t, dt, z):
    g = np.reshape(sde.diffusion(t), (-1, 1))
    f = sde.drift(x, t)
    drift = f - g ** 2 * score(x, t)
    h = -dt
    return x + drift * h + g * np.sqrt(np.abs(h)) * z
"""),
    "ksd_np": ("numpy", "kernel_stein", '', """
from scipy.spatial.distance import pdist, squareform
@objective
def kernel_stein(score, x, bandwidth, unbiased):
    n, d = x.shape
    h2 = bandwidth ** 2
    sq = squareform(pdist(x, "sqeuclidean"))
    K = np.exp(-sq / 2 / h2)
    S = score(x)
    xs = np.sum(x * S, axis=1)
    A = S @ S.T
    cross = (xs[:, None] + xs[None, :] - S @ x.T - x @ S.T) / h2
    U = K * (A + cross + d / h2 - sq / h2 ** 2)
    if unbiased:
        np.fill_diagonal(U, 0)
        return U.sum() / (n * (n - 1))
    return U.mean()
"""),
    "ksd_autograd": ("torch", "kernel_stein", '', """
@objective
def kernel_stein(score, X, h, unbiased):
    X = X.detach()
    X1, X2 = X.clone().requires_grad_(), X.clone().requires_grad_()
    K = torch.exp(-0.5 * torch.cdist(X1, X2, compute_mode="donot_use_mm_for_euclid_dist") ** 2 / h ** 2)
    D = X1[:, None] - X2[None]
    K = torch.exp(-0.5 * (D ** 2).sum(-1) / h ** 2)
    s = score(X)
    dKx = -D / h ** 2 * K[..., None]
    dKy = -dKx
    tr = K * (X.shape[1] / h ** 2 - (D ** 2).sum(-1) / h ** 4)
    u = (s @ s.T) * K + torch.einsum("id,ijd->ij", s, dKy) + torch.einsum("jd,ijd->ij", s, dKx) + tr
    n = len(X)
    return (u.sum() - torch.diagonal(u).sum()) / n / (n - 1) if unbiased else u.sum() / n ** 2
"""),
    "rhat_np": ("numpy", "split_r_hat", '', """
@objective
def split_r_hat(x):
    T, m, d = x.shape
    h = T // 2
    seqs = np.stack([x[:h], x[h:2 * h]], axis=0).transpose(2, 0, 1, 3).reshape(2 * m, h, d)
    B = h * np.var(seqs.mean(1), axis=0, ddof=1)
    W = np.mean([np.var(c, axis=0, ddof=1) for c in seqs], axis=0)
    return np.sqrt(((h - 1) / h * W + B / h) / W)
"""),
    "acf_fft": ("numpy", "autocovariance", '', """
@objective
def autocovariance(x, n_lags):
    T = len(x)
    y = x - x.mean(0)
    f = np.fft.fft(y, n=2 ** int(np.ceil(np.log2(2 * T))), axis=0)
    c = np.fft.ifft(f * np.conj(f), axis=0).real[:n_lags + 1] / T
    return c.mean(1)
"""),
    "acf_loop": ("numpy", "autocorrelation", '', """
@objective
def autocorrelation(x, n_lags):
    T = len(x)
    mu = x.mean(axis=0)
    g = [np.mean(np.sum((x[: T - k] - mu) * (x[k:] - mu), axis=0) / T, axis=0) for k in range(n_lags + 1)]
    return np.array(g) / g[0]
"""),
    "karras_np": ("numpy", "karras_noise_levels", '', """
@objective
def karras_noise_levels(n, smallest, largest, power):
    i = np.arange(n)
    return (largest ** (1 / power) + i / (n - 1) * (smallest ** (1 / power) - largest ** (1 / power))) ** power
"""),
    "cosine_np": ("numpy", "cosine_betas", '', """
import math
@objective
def cosine_betas(n_steps, offset, most):
    f = lambda t: math.cos((t + offset) / (1 + offset) * math.pi / 2) ** 2
    return np.array([min(1 - f((i + 1) / n_steps) / f(i / n_steps), most) for i in range(n_steps)])
"""),
    "edm_loss": ("torch", "karras_denoising", '', """
@objective
def karras_denoising(denoiser, x, sigma, z, data_std):
    weight = (sigma ** 2 + data_std ** 2) / (sigma * data_std) ** 2
    D = denoiser(x + z * sigma, sigma[:, 0])
    return (weight * (D - x) ** 2).sum()
"""),
    "pseudo_np": ("numpy", "pseudo_likelihood", '', """
@objective
def pseudo_likelihood(energy, x):
    e = energy(x)
    total = 0.0
    for j in range(x.shape[1]):
        flip = x.copy()
        flip[:, j] = 1 - flip[:, j]
        total = total - np.log(1 / (1 + np.exp(e - energy(flip))))
    return total
"""),
    "pseudo_cost": ("torch", "pseudo_likelihood", '', """
@objective
def pseudo_likelihood(energy, x):
    d = x.shape[1]
    eye = torch.eye(d)
    flips = (x[:, None] - eye[None]).abs()
    de = energy(flips.reshape(-1, d)).reshape(len(x), d) - energy(x)[:, None]
    return -F.logsigmoid(de).sum(1)
"""),
    "mpf_torch": ("torch", "minimum_probability_flow", '', """
@objective
def minimum_probability_flow(energy, x):
    E = energy(x)
    K = 0
    for b in range(x.size(1)):
        mask = torch.zeros(x.size(1))
        mask[b] = 1
        K = K + torch.exp((E - energy((x - mask).abs())) / 2)
    return K.mean()
"""),
    "rbm_class": ("numpy", "BinaryRBM.free_energy", '', """
@objective
class BinaryRBM:
    def __init__(self, W, b, c):
        self.W, self.vbias, self.hbias = W, b, c
    def free_energy(self, v):
        wx_b = v @ self.W + self.hbias
        return -np.sum(np.logaddexp(0, wx_b), axis=1) - v @ self.vbias
    def energy(self, v, h):
        return -(v @ self.vbias) - (h @ self.hbias) - np.einsum("ni,ij,nj->n", v, self.W, h)
"""),
    "ess_geyer": ("numpy", "effective_sample_size", '', """
@objective
def effective_sample_size(x):
    N, M, D = x.shape
    out = np.zeros(D)
    for d in range(D):
        c = x[..., d]
        mu = c.mean(0)
        e = c - mu
        acov = np.array([np.mean([np.dot(e[: N - t, m], e[t:, m]) / N for m in range(M)]) for t in range(N)])
        W = np.var(c, axis=0, ddof=1).mean()
        var_plus = W * (N - 1) / N + (np.var(mu, ddof=1) if M > 1 else 0)
        rho = 1 - (W - acov) / var_plus
        rho[0] = 1.0
        tau, prev, t = -1.0, np.inf, 0
        while t + 1 < N:
            P = rho[t] + rho[t + 1]
            if P <= 0:
                break
            prev = min(prev, P)
            tau += 2 * prev
            t += 2
        out[d] = N * M / max(tau, 1 / np.log10(N * M))
    return out
"""),
    "stein_torch": ("torch", "stein_discrepancy", '', """
@objective
def stein_discrepancy(score, field, x):
    x = x.detach().requires_grad_()
    f = field(x)
    div = sum(torch.autograd.grad(f[:, i].sum(), x, create_graph=True)[0][:, i] for i in range(x.shape[1]))
    return (score(x) * f).sum(1) + div
"""),
    "vp_marg": ("torch", "VariancePreserving.marginal", '', """
@objective
class VariancePreserving:
    def __init__(self, beta_min, beta_max):
        self.b0, self.b1 = beta_min, beta_max
    def marginal(self, t):
        lmc = -0.25 * t ** 2 * (self.b1 - self.b0) - 0.5 * t * self.b0
        return torch.exp(lmc), torch.sqrt(1. - torch.exp(2. * lmc))
"""),
}  # fmt: skip
MISTAKES = [
    ('ism_loop', '[0][:, k]', '[0].sum(1)', 'entries|all|Jacobian|column|row', 'named'),
    ('ism_loop', 'for k in range(x.shape[-1])', 'for k in range(x.shape[-1] - 1)', 'last|[Jj]acobian|range|trace|coordinate', 'nothing'),  # noqa: E501
    ('ism_loop', 'loss = loss + ', 'loss = (s ** 2).sum(-1) / 2 + ', 'last|trace|coordinate', 'named'),
    ('ism_vmap', 'bjj->b', 'bij->b', 'entries|Jacobian|axis', 'named'),
    ('ism_vmap', 'torch.einsum("bi,bi->b", score(x), score(x)) / 2', 'torch.einsum("bi,bi->b", score(x), score(x)).mean() / 2', 'mean|rows', 'named'),  # noqa: E501
    ('ism_energy_hessian', '-lap + 0.5', 'lap + 0.5', 'sign|coefficient -1', 'named'),
    ('ism_energy_hessian', 'lap + torch.autograd.grad(g[:, i].sum(), x, create_graph=True)[0][:, i]', 'torch.autograd.grad(g[:, i].sum(), x, create_graph=True)[0][:, i]', 'last|coordinate', 'named'),  # noqa: E501
    ('ism_energy_hessian', 'g.pow(2).sum(1)', 'g.norm(dim=1)', 'norm|root|\\|s\\||sqrt', 'named'),
    ('ssm_torch', 'torch.randn_like(dup)', 'torch.rand_like(dup)', 'uniform', 'cause said'),
    ('ssm_torch', 'vectors = torch.randn_like(dup)', 'vectors = torch.randn_like(dup); vectors = vectors / torch.norm(vectors, dim=0, keepdim=True)', 'norm|length|rows', 'nothing'),  # noqa: E501
    ('ssm_torch', 'torch.sum(g1 * vectors, dim=-1) ** 2', 'torch.sum((g1 * vectors) ** 2, dim=-1)', 'square|sum', 'named'),  # noqa: E501
    ('ssm_jvp', '(v * s).sum(1).square()', '(v * s).square().sum(1)', 'square|sum', 'named'),
    ('ssm_jvp', '(v * hv).sum(1)', 'hv.sum(1)', 'v|ones', 'named'),
    ('dsm_mse', '-noise / sigma ** 2', 'noise / sigma ** 2', 'sign|- z', 'named'),
    ('dsm_mse', 'score(perturbed)', 'score(x)', 'clean|score\\(x\\)|\\"x\\"', 'named'),
    ('dsm_anneal', '** power', '** (power / 2)', 'sigma', 'named'),
    ('dsm_anneal', 'used[:, 0]', 'used[:, 0] ** 2', 'square|sigma', 'named'),
    ('dsm_anneal', 'used[:, 0]', 'torch.log(used[:, 0])', 'log', 'named'),
    ('dsm_anneal', '.sum(dim=-1) * used.squeeze(-1) ** power', '.sum(dim=-1) * used ** power', 'table|broadcast', 'misleading'),  # noqa: E501
    ('dsm_anneal', 'sigmas[labels]', 'sigmas[torch.zeros_like(labels)]', 'first|one (level|sigma)|rows', 'named'),
    ('dsm_np', 'total += 0.5', 'total = 0.5', 'last|coordinate|-1:', 'misleading'),
    ('dsm_np', 'x[:, j] - xt[:, j]', 'xt[:, j] - x[:, j]', 'sign|- z', 'named'),
    ('dsm_eps_net', '(pred - z) ** 2', '(pred - z) ** 2 / sigma', 'sigma', 'nothing'),
    ('dsm_eps_net', 'x + sigma * z', 'x + sigma ** 2 * z', 'sigma', 'named'),
    ('nce_bce', '- math.log(nu)\n    ly', '\n    ly', 'log nu|nu', 'cause said'),
    ('nce_bce', 'neg.sum(0)', 'neg.mean(0)', 'mean|nu|sum', 'named'),
    ('nce_bce', 'torch.zeros_like(ly)', 'torch.ones_like(ly)', 'sign|-L|label', 'named'),
    ('nce_bce', 'y.reshape(-1, d)', 'y.transpose(0, 1).reshape(-1, d)', 'rows|order|axis|transpos', 'cause said'),
    ('nce_posterior', 'math.log(k)', 'math.log10(k)', 'log10|base|log', 'misleading'),
    ('nce_posterior', 'math.log(k)', 'k', 'log|nu', 'cause said'),
    ('gan_ns', 'bce(fake, torch.zeros_like(fake))', 'bce(real, torch.zeros_like(real))', 'x', 'named'),
    ('gan_ns', 'bce(fake, torch.zeros_like(fake))', 'bce(fake, torch.ones_like(fake))', 'sign|generator|non-saturating|-logit|label', 'named'),  # noqa: E501
    ('cd_plain', 'energy(x).mean() - energy(x_model.detach()).mean()', 'energy(x).mean() - energy(x_model).mean()', 'gradient|detach|held', 'named'),  # noqa: E501
    ('cd_plain', 'energy(x).mean() - energy(x_model.detach()).mean()', '(energy(x).mean() - energy(x_model.detach()).mean()).abs()', 'abs', 'nothing'),  # noqa: E501
    ('cd_reg', 'reg = 0.01 * (real ** 2 + fake ** 2).mean()', 'reg = 0.01 * (real + fake).mean()', '0\\.01|1\\.01|coefficient', 'named'),  # noqa: E501
    ('ula_energy', 'x += z.mul((2 * step_size) ** 0.5)', 'x += z.mul((2 * step_size))', 'sqrt|root', 'named'),
    ('ula_energy', 'alpha=-step_size', 'alpha=step_size', 'sign', 'named'),
    ('ula_energy', 'g = torch.autograd.grad(energy(x).sum(), x)[0]', 'g = torch.autograd.grad(energy(x).mean(), x)[0]', 'over n|n|mean', 'cause said'),  # noqa: E501
    ('ula_energy', 'g = torch.autograd.grad(energy(x).sum(), x)[0]', 'g = torch.autograd.grad(energy(x).sum(), x)[0].clamp(-0.1, 0.1)', 'clip|clamp', 'nothing'),  # noqa: E501
    ('sgld_igebm', 'normal_(0, 1)', 'normal_(0, 0.005)', '0.0035', 'named'),
    ('sgld_igebm', 'step_lr / 2 * score(x) + math.sqrt(step_lr)', 'step_lr / 2 * score(x) + math.sqrt(2 * step_lr)', 'drift|coefficient|sqrt|0\\.5|half', 'named'),  # noqa: E501
    ('ald_ncsn', 'sigma / sigmas[-1]', 'sigma / sigmas[0]', 'first|sigmas', 'named'),
    ('ald_ncsn', '(sigma / sigmas[-1]) ** 2', '(sigma / sigmas[-1])', 'square|\\*\\* 2', 'named'),
    ('ald_ncsn', 'for i, sigma in enumerate(sigmas)', 'for i, sigma in enumerate(sigmas[::-1])', 'revers|order|::-1|flip', 'named'),  # noqa: E501
    ('ald_ncsn', 'noise * np.sqrt(step * 2)', 'z[i][0] * np.sqrt(step * 2)', 'noise|reuse|first|z', 'named'),
    ('ald_ncsn', '    for i, sigma in enumerate(sigmas):\n        labels = np.ones(len(x)) * sigma\n', '    labels = np.ones(len(x)) * sigmas[0]\n    for i, sigma in enumerate(sigmas):\n', 'level|first|sigma', 'named'),  # noqa: E501
    ('mala_np', 'log_q(x, prop, sp, eta) - log_q(prop, x, s, eta)', 'log_q(prop, x, s, eta) - log_q(x, prop, sp, eta)', 'invert|revers|sign|swap', 'named'),  # noqa: E501
    ('mala_np', '/ (4 * eta)', '/ (2 * eta)', '2|factor|coefficient|4', 'named'),
    ('mala_np', 'log_q(x, prop, sp, eta)', 'log_q(x, prop, s, eta)', 'score|backward|z_back|x', 'named'),
    ('mala_np', '-energy(prop) + energy(x) + ', '', 'energy|energies', 'named'),
    ('mala_jax', 'ui < a', 'ui > a', r'u > a|accept\(proposal, x', 'named'),
    ('hmc_torch', 'p = p - epsilon * grad_U(U, q) / 2\n    for', 'p = p - epsilon * grad_U(U, q)\n    for', 'half|0.5|full', 'named'),  # noqa: E501
    ('hmc_torch', 'if i != L - 1:', 'if True:', 'eps|step', 'named'),
    ('hmc_torch', '(current_p ** 2).sum(1) / 2', '(current_p ** 2).sum(1)', '2|half|kinetic|0.5', 'named'),
    ('hmc_torch', 'current_H - proposed_H', 'proposed_H - current_H', 'exchanged', 'named'),
    ('hmc_torch', 'U(q) + (p ** 2).sum(1) / 2', 'U(q) + (current_p ** 2).sum(1) / 2', 'kinetic|momentum|energy', 'named'),  # noqa: E501
    ('hmc_torch', 'range(L)', 'range(L - 1)', 'in refebm.s leapfrog', 'named'),
    ('leapfrog_np', '        g = score(x)\n        p += 0.5', '        p += 0.5', 'stale|score|gradient|once|x', 'named'),  # noqa: E501
    ('leapfrog_np', 'p += 0.5 * eps * g\n        x', 'p += eps * g\n        x', '0.5|half|eps', 'named'),
    ('mh_np', 'energy(x[i:i+1])[0] - energy(prop[None])[0]', 'energy(prop[None])[0] - energy(x[i:i+1])[0]', 'exchanged', 'named'),  # noqa: E501
    ('mh_np', 'prop = x[i] + scale * z[i]', 'prop = out[max(i - 1, 0)] + scale * z[i]', 'rows|row', 'nothing'),
    ('mh_np', 'prop = x[i] + scale * z[i]', 'prop = x[i] + scale ** 2 * z[i]', 'scale \\*\\* 2|square', 'named'),
    ('ddpm_lucid', 'torch.sqrt(1. - alphas_cumprod)', '(1. - alphas_cumprod)', 'std|sqrt|root', 'nothing'),
    ('ddpm_lucid', 'torch.cumprod(1. - betas, dim=0)', '1. - betas', '1 - betas', 'nothing'),
    ('ddpm_lucid', 'self.model(xt, t)', 'self.model(xt, t.flip(0))', 'revers|order|rows', 'nothing'),
    ('ddpm_lucid', 'torch.cumprod(1. - betas, dim=0)', 'torch.cumprod(1. - betas.flip(0), dim=0)', 'revers|::-1|flip', 'nothing'),  # noqa: E501
    ('ddpm_step_np', 'betas[t] / np.sqrt(1 - abar[t])', '(1 - alphas[t]) / (1 - abar[t])', 'sqrt|root|std', 'named'),
    ('ddpm_step_np', 'abar[t - 1] if t > 0 else 1.0', 'abar[t - 1]', 'i is 0|last', 'taken for a convention'),
    ('ddpm_step_np', 'np.sqrt(var) * z[n]', 'var * z[n]', 'sqrt|root|variance', 'named'),
    ('ddpm_step_np', '/ np.sqrt(alphas[t])', '/ np.sqrt(abar[t])', 'cumsum|product|kept|betas', 'nothing'),
    ('ddim_torch', 'c1 = eta * ((1 - at / an) * (1 - an) / (1 - at)).sqrt()', 'c1 = eta * ((1 - at / an) * (1 - at) / (1 - an)).sqrt()', '\\(1 - a\\) / \\(1 - a_before\\)', 'misleading'),  # noqa: E501
    ('ddim_torch', 'c2 = ((1 - an) - c1 ** 2).sqrt()', 'c2 = (1 - an).sqrt()', 'sigma|eta|noise', 'named'),
    ('ddim_torch', 'a[i + 1][:, None], a[i][:, None]', 'a[i][:, None], a[(i - 1).clamp(min=0)][:, None]', '"\\(np.append.*, i\\)"', 'misleading'),  # noqa: E501
    ('fm_torch', 'z - x', 'x - z', 'sign|revers|x - z', 'named'),
    ('fm_torch', 'v(xt, t)', 'v(x, t)', 'x', 'named'),
    ('fm_torch', 'torch.lerp(x, z, t_)', 'torch.lerp(z, x, t_)', '1 - t|1 - s|revers|time', 'named'),
    ('sde_sm', 'score(perturbed, t) * std[:, None] + z', 'score(perturbed, t) * std[:, None] - z', 'sign', 'named'),
    ('sde_sm', 'torch.square(score(perturbed, t) * std[:, None] + z)', '(score(perturbed, t) * std[:, None] + z ** 2)', 'z\\*\\*2|z \\*\\* 2|square', 'nothing'),  # noqa: E501
    ('sde_sm', 'std[:, None] * z', '(std ** 2)[:, None] * z', 'std \\*\\* 2|std\\*\\*2|variance', 'named'),
    ('rev_em', 'g ** 2 * score(x, t)', '0.5 * g ** 2 * score(x, t)', '0.5|half|probability flow|1/2', 'named'),
    ('rev_em', 'np.sqrt(np.abs(h)) * z', 'np.abs(h) * z', 'sqrt|root', 'named'),
    ('rev_em', 'h = -dt', 'h = dt', 'drift not turned', 'named'),
    ('ksd_np', 'np.exp(-sq / 2 / h2)', 'np.exp(-sq / h2)', '2|factor|kernel', 'named'),
    ('ksd_np', 'd / h2 - sq / h2 ** 2', '1 / h2 - sq / h2 ** 2', 'd', 'named'),
    ('ksd_np', '(n * (n - 1))', 'n ** 2', 'n', 'named'),
    ('ksd_np', 'squareform(pdist(x, "sqeuclidean"))', 'squareform(pdist(x, "euclidean"))', 'np.sqrt\\(np.abs\\(np.sum\\(r', 'named'),  # noqa: E501
    ('ksd_np', 'h2 = bandwidth ** 2', 'h2 = np.median(pdist(x, "sqeuclidean")) if len(x) > 1 else 1.0', 'bandwidth|median', 'named'),  # noqa: E501
    ('rhat_np', 'np.var(seqs.mean(1), axis=0, ddof=1)', 'np.var(seqs.mean(1), axis=0)', 'ddof|n', 'named'),
    ('rhat_np', 'np.stack([x[:h], x[h:2 * h]], axis=0).transpose(2, 0, 1, 3).reshape(2 * m, h, d)', 'x[: 2 * h].reshape(2 * m, h, d)', 'reshape|chains|axis', 'misleading'),  # noqa: E501
    ('rhat_np', '    h = T // 2\n    seqs = np.stack([x[:h], x[h:2 * h]], axis=0).transpose(2, 0, 1, 3).reshape(2 * m, h, d)', '    h = T\n    seqs = x.transpose(1, 0, 2)', 'not split', 'named'),  # noqa: E501
    ('acf_fft', 'n=2 ** int(np.ceil(np.log2(2 * T)))', 'n=T', 'circular|pad|wrap|period', 'named'),
    ('acf_fft', 'x - x.mean(0)', 'x - x.mean((0, 1))', 'mean|chains', 'named'),
    ('acf_loop', 'mu = x.mean(axis=0)', 'mu = 0', 'mean|centr', 'named'),
    ('acf_loop', '/ g[0]', '/ np.var(x, axis=(0, 1))', 'var|chains|mean', 'named'),
    ('karras_np', 'i / (n - 1)', 'i / n', 'n - 1|n', 'named'),
    ('karras_np', '(1 / power)', 'power', 'power', 'named'),
    ('cosine_np', '** 2', '', 'square', 'named'),
    ('cosine_np', 'f((i + 1) / n_steps) / f(i / n_steps)', 'f(i / n_steps) / f((i - 1) / n_steps)', 'index|i|shift', 'named'),  # noqa: E501
    ('edm_loss', '(sigma * data_std) ** 2', '(sigma + data_std) ** 2', '\\+|product|sum', 'named'),
    ('edm_loss', '(weight * (D - x) ** 2)', '(weight * (D - z) ** 2)', 'z|noise', 'named'),
    ('pseudo_cost', '-F.logsigmoid(de)', '-F.logsigmoid(-de)', 'other bit', 'named'),
    ('pseudo_cost', '(x[:, None] - eye[None]).abs()', '(1 - x[:, None] * eye[None])', 'coordinate', 'nothing'),
    ('mpf_torch', '/ 2)', ')', 'half|0.5|1/2|2', 'named'),
    ('mpf_torch', 'E - energy((x - mask).abs())', 'energy((x - mask).abs()) - E', 'exchanged', 'named'),
    ('ess_geyer', 'rho[0] = 1.0', 'rho[0] = 1 - (W - acov[0]) / var_plus', 'first correlation', 'named'),
    ('mh_np', 'np.minimum(1.0, ', 'min(1.0, ', 'NaN accepted', 'named'),
    ('rbm_class', 'np.logaddexp(0, wx_b)', 'np.log(1 + np.exp(wx_b))', 'overflow', 'cause said'),
    ('stein_torch', '(score(x) * f).sum(1) + div', '(score(x) * f).sum(1) - div', 'sign|coefficient', 'named'),
    ('stein_torch', 'f[:, i].sum(), x, create_graph=True)[0][:, i]', 'f[:, i].sum(), x, create_graph=True)[0][:, 0]', 'column|first|coordinate|entries|Jacobian', 'misleading'),  # noqa: E501
    ('vp_marg', '-0.25 * t ** 2', '-0.5 * t ** 2', '0.5|factor|half|coefficient', 'named'),
    ('vp_marg', 'torch.sqrt(1. - torch.exp(2. * lmc))', '1. - torch.exp(2. * lmc)', 'sqrt|root|variance', 'named'),
]  # fmt: skip
