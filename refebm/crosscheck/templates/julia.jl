# Answers golden vectors: `refebm vectors VECTORS`, then `julia julia.jl VECTORS ANSWERS`, which reads
# VECTORS/<function>.json and writes ANSWERS/<function>.json, then `refebm crosscheck --answers ANSWERS`.
# It needs JSON.jl: `julia -e 'import Pkg; Pkg.add("JSON")'`. Put your own functions into `functions`. A function that is
# not there is unsupported; a question that cannot be answered says why. Rows are points; `score` is a model as data;
# sigma is a number or one per row.
import JSON

rows(a) = [Float64.(row) for row in a]
matrix(a) = permutedims(reduce(hcat, rows(a)))
affine((W, b), x) = matrix(W)' * x .+ Float64.(b)

mlp(p) = x -> foldl((h, layer) -> affine(layer, tanh.(h)), p["layers"][2:end]; init = affine(p["layers"][1], x))
quadratic(p) = x -> -matrix(p["precision"]) * (x .- p["mean"])
function mixture(p)
    P, means = matrix.(p["precisions"]), rows(p["means"])
    function score(x)
        joint = [a - 0.5 * (x - m)' * Pk * (x - m) for (a, m, Pk) in zip(p["logits"], means, P)]
        weights = exp.(joint .- maximum(joint))
        sum(w * (Pk * (m - x)) for (w, m, Pk) in zip(weights, means, P)) / sum(weights)
    end
end
const scores = Dict("mlp_score" => mlp, "quadratic" => quadratic, "mixture" => mixture)

score_of(model) = scores[model["kind"]](model["parameters"])
level(sigma, n) = sigma isa AbstractVector ? sigma[n] : sigma # of row n

function denoising_score_matching(given)
    score, x, z = score_of(given["score"]), rows(given["x"]), rows(given["z"])
    map(eachindex(x)) do n
        s = level(given["sigma"], n)
        0.5 * sum(abs2, score(x[n] + s * z[n]) + z[n] / s)
    end
end

function tweedie_mean(given)
    score, y = score_of(given["score"]), rows(given["y"])
    [y[n] + level(given["sigma"], n)^2 * score(y[n]) for n in eachindex(y)]
end

function laplace_log_prob(given)
    loc, scale = (Float64.(given["density"]["parameters"][name]) for name in ("loc", "scale"))
    [sum(-abs.(x - loc) ./ scale - log.(2 .* scale)) for x in rows(given["x"])]
end

const functions = Dict(
    "denoising_score_matching" => denoising_score_matching,
    "tweedie_mean" => tweedie_mean,
    "Laplace.log_prob" => laplace_log_prob,
)

function answered(answer, given)
    kind = haskey(given, "score") ? given["score"]["kind"] : nothing
    isnothing(kind) || haskey(scores, kind) || return Dict("unsupported" => "a score of kind $kind")
    Dict("value" => answer(given))
end

vectors, answers = ARGS
mkpath(answers)
for (name, answer) in functions
    asked = JSON.parsefile(joinpath(vectors, "$name.json"))
    content = Dict(
        "function" => name,
        "digest" => asked["digest"],
        "answers" => Dict(one["id"] => answered(answer, one["arguments"]) for one in asked["vectors"]),
    )
    open(io -> JSON.print(io, content), joinpath(answers, "$name.json"), "w")
end
