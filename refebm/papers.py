"""The texts that refebm cites: the words by which a source line cites each, and its full reference, in one place.

A source line is one citation or several, separated by semicolons. A citation is the words by which a text is cited, as
they are spelt here, then after a comma the place in it, and remarks in parentheses:
"Hyvarinen 2005, eq. 4; Vincent 2011, section 4.2".
"""

import functools
import re
from typing import NamedTuple


def _read(text: str) -> dict[str, str]:
    """Full references by the words that cite them: in `text` these are a line, with the reference indented below."""
    found: dict[str, str] = {}
    for line in text.strip().splitlines():
        if line[0] == " ":
            cited = next(reversed(found))
            found[cited] = f"{found[cited]} {line.strip()}".strip()
        else:
            found[line] = ""
    return found


# The five documents that the project began with.
DOCUMENTS = _read("""
Song and Kingma 2021
    Yang Song and Diederik P. Kingma. How to Train Your Energy-Based Models. arXiv:2101.03288, 2021.
Stanford CS236
    Stefano Ermon. CS236: Deep Generative Models, lectures on energy-based and score-based models. Stanford.
HY-673 lecture 12
    Yannis Pantazis and Yannis Stylianou. HY-673: Introduction to Deep Generative Modeling, lecture 12. University of
    Crete.
dataflowr module 18a
    Marc Lelarge et al. dataflowr, module 18a: Denoising Score Matching for Energy Based Models.
Das 2021
    Ayan Das. Generative modelling with Score Functions. 14 July 2021.
""")
PAPERS = _read("""
Abramowitz and Stegun 1964
    Milton Abramowitz and Irene A. Stegun. Handbook of Mathematical Functions. National Bureau of Standards, 1964.
Albergo, Boffi and Vanden-Eijnden 2023
    Michael S. Albergo, Nicholas M. Boffi and Eric Vanden-Eijnden. Stochastic interpolants: a unifying framework for
    flows and diffusions. arXiv:2303.08797, 2023.
Anderson 1982
    Brian D. O. Anderson. Reverse-time diffusion equation models. Stochastic Processes and their Applications 12,
    1982.
Besag 1975
    Julian Besag. Statistical analysis of non-lattice data. The Statistician 24, 1975.
Besag 1994
    Julian Besag. Comments on 'Representations of knowledge in complex systems' by Grenander and Miller. Journal of
    the Royal Statistical Society B 56, 1994.
Bose, Ling and Cao 2018
    Avishek Joey Bose, Huan Ling and Yanshuai Cao. Adversarial contrastive estimation. ACL 2018.
Bottou, Curtis and Nocedal 2018
    Léon Bottou, Frank E. Curtis and Jorge Nocedal. Optimization methods for large-scale machine learning. SIAM Review
    60, 2018.
Carreira-Perpinan and Hinton 2005
    Miguel Á. Carreira-Perpiñán and Geoffrey Hinton. On contrastive divergence learning. AISTATS 2005.
Ceylan and Gutmann 2018
    Ciwan Ceylan and Michael U. Gutmann. Conditional noise-contrastive estimation of unnormalised models. ICML 2018.
Chen, Rubanova, Bettencourt and Duvenaud 2018
    Ricky T. Q. Chen, Yulia Rubanova, Jesse Bettencourt and David Duvenaud. Neural ordinary differential equations.
    NeurIPS 2018.
Cho, Ilin and Raiko 2011
    KyungHyun Cho, Alexander Ilin and Tapani Raiko. Improved learning of Gaussian-Bernoulli restricted Boltzmann
    machines. ICANN 2011.
Chwialkowski, Strathmann and Gretton 2016
    Kacper Chwialkowski, Heiko Strathmann and Arthur Gretton. A kernel test of goodness of fit. ICML 2016.
Cover and Thomas 2006
    Thomas M. Cover and Joy A. Thomas. Elements of Information Theory, 2nd edition. Wiley, 2006.
Creutz 1988
    Michael Creutz. Global Monte Carlo algorithms for many-fermion systems. Physical Review D 38, 1988.
Dai et al. 2019
    Bo Dai, Zhen Liu, Hanjun Dai, Niao He, Arthur Gretton, Le Song and Dale Schuurmans. Exponential family estimation
    via adversarial dynamics embedding. NeurIPS 2019.
Dalalyan 2017
    Arnak S. Dalalyan. Theoretical guarantees for approximate sampling from smooth and log-concave densities. Journal
    of the Royal Statistical Society B 79, 2017.
Dinh, Sohl-Dickstein and Bengio 2017
    Laurent Dinh, Jascha Sohl-Dickstein and Samy Bengio. Density estimation using Real NVP. ICLR 2017.
Du and Mordatch 2019
    Yilun Du and Igor Mordatch. Implicit generation and modeling with energy-based models. NeurIPS 2019.
Du et al. 2021
    Yilun Du, Shuang Li, Joshua Tenenbaum and Igor Mordatch. Improved contrastive divergence training of energy-based
    models. ICML 2021.
Duane et al. 1987
    Simon Duane, A. D. Kennedy, Brian J. Pendleton and Duncan Roweth. Hybrid Monte Carlo. Physics Letters B 195, 1987.
Efron 2011
    Bradley Efron. Tweedie's formula and selection bias. Journal of the American Statistical Association 106, 2011.
Gao et al. 2018
    Ruiqi Gao, Yang Lu, Junpei Zhou, Song-Chun Zhu and Ying Nian Wu. Learning generative ConvNets via multi-grid
    modeling and sampling. CVPR 2018.
Gao et al. 2020
    Ruiqi Gao, Erik Nijkamp, Diederik P. Kingma, Zhen Xu, Andrew M. Dai and Ying Nian Wu. Flow contrastive estimation
    of energy-based models. CVPR 2020.
Gelman et al. 2013
    Andrew Gelman, John B. Carlin, Hal S. Stern, David B. Dunson, Aki Vehtari and Donald B. Rubin. Bayesian Data
    Analysis, 3rd edition. CRC Press, 2013.
Geyer 1992
    Charles J. Geyer. Practical Markov chain Monte Carlo. Statistical Science 7, 1992.
Golub and Welsch 1969
    Gene H. Golub and John H. Welsch. Calculation of Gauss quadrature rules. Mathematics of Computation 23, 1969.
Goodfellow et al. 2014
    Ian Goodfellow, Jean Pouget-Abadie, Mehdi Mirza, Bing Xu, David Warde-Farley, Sherjil Ozair, Aaron Courville and
    Yoshua Bengio. Generative adversarial nets. NeurIPS 2014.
Gorham and Mackey 2015
    Jackson Gorham and Lester Mackey. Measuring sample quality with Stein's method. NeurIPS 2015.
Grathwohl et al. 2019
    Will Grathwohl, Ricky T. Q. Chen, Jesse Bettencourt, Ilya Sutskever and David Duvenaud. FFJORD: free-form
    continuous dynamics for scalable reversible generative models. ICLR 2019.
Grathwohl et al. 2020
    Will Grathwohl, Kuan-Chieh Wang, Jörn-Henrik Jacobsen, David Duvenaud, Mohammad Norouzi and Kevin Swersky. Your
    classifier is secretly an energy based model and you should treat it like one. ICLR 2020.
Griewank and Walther 2008
    Andreas Griewank and Andrea Walther. Evaluating Derivatives, 2nd edition. SIAM, 2008.
Gutmann and Hirayama 2011
    Michael U. Gutmann and Jun-ichiro Hirayama. Bregman divergence as general framework to estimate unnormalized
    statistical models. UAI 2011.
Gutmann and Hyvarinen 2010
    Michael Gutmann and Aapo Hyvärinen. Noise-contrastive estimation: a new estimation principle for unnormalized
    statistical models. AISTATS 2010.
Gutmann and Hyvarinen 2012
    Michael U. Gutmann and Aapo Hyvärinen. Noise-contrastive estimation of unnormalized statistical models, with
    applications to natural image statistics. Journal of Machine Learning Research 13, 2012.
Hairer, Norsett and Wanner 1993
    Ernst Hairer, Syvert P. Nørsett and Gerhard Wanner. Solving Ordinary Differential Equations I, 2nd edition.
    Springer, 1993.
Hastings 1970
    W. K. Hastings. Monte Carlo sampling methods using Markov chains and their applications. Biometrika 57, 1970.
Hinton 2002
    Geoffrey E. Hinton. Training products of experts by minimizing contrastive divergence. Neural Computation 14,
    2002.
Ho, Jain and Abbeel 2020
    Jonathan Ho, Ajay Jain and Pieter Abbeel. Denoising diffusion probabilistic models. NeurIPS 2020.
Hutchinson 1989
    M. F. Hutchinson. A stochastic estimator of the trace of the influence matrix for Laplacian smoothing splines.
    Communications in Statistics 18, 1989.
Hyvarinen 2005
    Aapo Hyvärinen. Estimation of non-normalized statistical models by score matching. Journal of Machine Learning
    Research 6, 2005.
Hyvarinen 2006
    Aapo Hyvärinen. Consistency of pseudolikelihood estimation of fully visible Boltzmann machines. Neural Computation
    18, 2006.
Hyvarinen 2007
    Aapo Hyvärinen. Connections between score matching, contrastive divergence, and pseudolikelihood for continuous-
    valued variables. IEEE Transactions on Neural Networks 18, 2007.
Hyvarinen 2007b
    Aapo Hyvärinen. Some extensions of score matching. Computational Statistics and Data Analysis 51, 2007.
Isserlis 1918
    Leon Isserlis. On a formula for the product-moment coefficient of any order of a normal frequency distribution in
    any number of variables. Biometrika 12, 1918.
Jacob, O'Leary and Atchade 2020
    Pierre E. Jacob, John O'Leary and Yves F. Atchadé. Unbiased Markov chain Monte Carlo methods with couplings.
    Journal of the Royal Statistical Society B 82, 2020.
Karras, Aittala, Aila and Laine 2022
    Tero Karras, Miika Aittala, Timo Aila and Samuli Laine. Elucidating the design space of diffusion-based generative
    models. NeurIPS 2022.
Kingma and Ba 2015
    Diederik P. Kingma and Jimmy Ba. Adam: a method for stochastic optimization. ICLR 2015.
Kingma and Gao 2023
    Diederik P. Kingma and Ruiqi Gao. Understanding diffusion objectives as the ELBO with simple data augmentation.
    NeurIPS 2023.
Kingma and LeCun 2010
    Diederik P. Kingma and Yann LeCun. Regularized estimation of image statistics by score matching. NeurIPS 2010.
Kloeden and Platen 1992
    Peter E. Kloeden and Eckhard Platen. Numerical Solution of Stochastic Differential Equations. Springer, 1992.
Knuth 1997
    Donald E. Knuth. The Art of Computer Programming, volume 2: Seminumerical Algorithms, 3rd edition. Addison-Wesley,
    1997.
Li et al. 2024
    Ruichen Li, Haotian Ye, Du Jiang and eight others. A computational framework for neural network-based variational
    Monte Carlo with Forward Laplacian. Nature Machine Intelligence 6, 2024.
Lipman et al. 2023
    Yaron Lipman, Ricky T. Q. Chen, Heli Ben-Hamu, Maximilian Nickel and Matt Le. Flow matching for generative
    modeling. ICLR 2023.
Liu and Nocedal 1989
    Dong C. Liu and Jorge Nocedal. On the limited memory BFGS method for large scale optimization. Mathematical
    Programming 45, 1989.
Liu, Gong and Liu 2023
    Xingchao Liu, Chengyue Gong and Qiang Liu. Flow straight and fast: learning to generate and transfer data with
    rectified flow. ICLR 2023.
Liu, Lee and Jordan 2016
    Qiang Liu, Jason D. Lee and Michael I. Jordan. A kernelized Stein discrepancy for goodness-of-fit tests. ICML
    2016.
Lucas, Tucker, Grosse and Norouzi 2019
    James Lucas, George Tucker, Roger Grosse and Mohammad Norouzi. Don't blame the ELBO! A linear VAE perspective on
    posterior collapse. NeurIPS 2019.
Lyu 2009
    Siwei Lyu. Interpretation and generalization of score matching. UAI 2009.
Metropolis et al. 1953
    Nicholas Metropolis, Arianna W. Rosenbluth, Marshall N. Rosenbluth, Augusta H. Teller and Edward Teller. Equation
    of state calculations by fast computing machines. Journal of Chemical Physics 21, 1953.
Mnih and Teh 2012
    Andriy Mnih and Yee Whye Teh. A fast and simple algorithm for training neural probabilistic language models. ICML
    2012.
Movellan 2008
    Javier R. Movellan. Contrastive divergence in Gaussian diffusions. Neural Computation 20, 2008.
Neal 2001
    Radford M. Neal. Annealed importance sampling. Statistics and Computing 11, 2001.
Neal 2011
    Radford M. Neal. MCMC using Hamiltonian dynamics. In Handbook of Markov Chain Monte Carlo, CRC Press, 2011;
    arXiv:1206.1901, by whose numbers it is cited.
Nichol and Dhariwal 2021
    Alex Nichol and Prafulla Dhariwal. Improved denoising diffusion probabilistic models. ICML 2021.
Oksendal 2003
    Bernt Øksendal. Stochastic Differential Equations, 6th edition. Springer, 2003.
Pang, Xu, Li, Song, Ermon and Zhu 2020
    Tianyu Pang, Kun Xu, Chongxuan Li, Yang Song, Stefano Ermon and Jun Zhu. Efficient learning of generative models
    via finite-difference score matching. NeurIPS 2020.
Parry, Dawid and Lauritzen 2012
    Matthew Parry, A. Philip Dawid and Steffen Lauritzen. Proper local scoring rules. Annals of Statistics 40, 2012.
Priestley 1981
    M. B. Priestley. Spectral Analysis and Time Series. Academic Press, 1981.
Qiu, Zhang and Wang 2020
    Yixuan Qiu, Lingsong Zhang and Xiao Wang. Unbiased contrastive divergence algorithm for training energy-based
    latent variable models. ICLR 2020.
Raphan and Simoncelli 2007
    Martin Raphan and Eero P. Simoncelli. Learning to be Bayesian without supervision. Advances in Neural Information
    Processing Systems 19, 2007.
Robbins and Monro 1951
    Herbert Robbins and Sutton Monro. A stochastic approximation method. Annals of Mathematical Statistics 22, 1951.
Roberts and Rosenthal 1998
    Gareth O. Roberts and Jeffrey S. Rosenthal. Optimal scaling of discrete approximations to Langevin diffusions.
    Journal of the Royal Statistical Society B 60, 1998.
Roberts and Tweedie 1996
    Gareth O. Roberts and Richard L. Tweedie. Exponential convergence of Langevin distributions and their discrete
    approximations. Bernoulli 2, 1996.
Roberts, Gelman and Gilks 1997
    Gareth O. Roberts, Andrew Gelman and Walter R. Gilks. Weak convergence and optimal scaling of random walk Metropolis
    algorithms. Annals of Applied Probability 7, 1997.
Salimans and Ho 2022
    Tim Salimans and Jonathan Ho. Progressive distillation for fast sampling of diffusion models. ICLR 2022.
Sarkka and Solin 2019
    Simo Särkkä and Arno Solin. Applied Stochastic Differential Equations. Cambridge University Press, 2019.
Smolensky 1986
    Paul Smolensky. Information processing in dynamical systems: foundations of harmony theory. In Parallel
    Distributed Processing, MIT Press, 1986.
Sohl-Dickstein, Battaglino and DeWeese 2011
    Jascha Sohl-Dickstein, Peter Battaglino and Michael R. DeWeese. Minimum probability flow learning. ICML 2011.
Song and Ermon 2019
    Yang Song and Stefano Ermon. Generative modeling by estimating gradients of the data distribution. NeurIPS 2019.
Song and Ermon 2020
    Yang Song and Stefano Ermon. Improved techniques for training score-based generative models. NeurIPS 2020.
Song et al. 2021
    Yang Song, Jascha Sohl-Dickstein, Diederik P. Kingma, Abhishek Kumar, Stefano Ermon and Ben Poole. Score-based
    generative modeling through stochastic differential equations. ICLR 2021.
Song, Dhariwal, Chen and Sutskever 2023
    Yang Song, Prafulla Dhariwal, Mark Chen and Ilya Sutskever. Consistency models. ICML 2023.
Song, Durkan, Murray and Ermon 2021
    Yang Song, Conor Durkan, Iain Murray and Stefano Ermon. Maximum likelihood training of score-based diffusion
    models. NeurIPS 2021.
Song, Garg, Shi and Ermon 2019
    Yang Song, Sahaj Garg, Jiaxin Shi and Stefano Ermon. Sliced score matching: a scalable approach to density and
    score estimation. UAI 2019.
Song, Meng and Ermon 2021
    Jiaming Song, Chenlin Meng and Stefano Ermon. Denoising diffusion implicit models. ICLR 2021.
Stan reference manual
    Stan Development Team. Stan Reference Manual.
Stein 1981
    Charles M. Stein. Estimation of the mean of a multivariate normal distribution. Annals of Statistics 9, 1981.
Tieleman 2008
    Tijmen Tieleman. Training restricted Boltzmann machines using approximations to the likelihood gradient. ICML
    2008.
Tipping and Bishop 1999
    Michael E. Tipping and Christopher M. Bishop. Probabilistic principal component analysis. Journal of the Royal
    Statistical Society B 61, 1999.
Trefethen and Weideman 2014
    Lloyd N. Trefethen and J. A. C. Weideman. The exponentially convergent trapezoidal rule. SIAM Review 56, 2014.
Vehtari et al. 2021
    Aki Vehtari, Andrew Gelman, Daniel Simpson, Bob Carpenter and Paul-Christian Bürkner. Rank-normalization, folding,
    and localization: an improved R-hat for assessing convergence of MCMC. Bayesian Analysis 16, 2021.
Vincent 2011
    Pascal Vincent. A connection between score matching and denoising autoencoders. Neural Computation 23, 2011.
Wang, Cheng, Li, Zhu and Zhang 2020
    Ziyu Wang, Shuyu Cheng, Yueru Li, Jun Zhu and Bo Zhang. A Wasserstein minimum velocity approach to learning
    unnormalized models. AISTATS 2020.
Welling and Hinton 2002
    Max Welling and Geoffrey E. Hinton. A new learning algorithm for mean field Boltzmann machines. ICANN 2002.
Welling and Teh 2011
    Max Welling and Yee Whye Teh. Bayesian learning via stochastic gradient Langevin dynamics. ICML 2011.
""")
TEXTS = DOCUMENTS | PAPERS


class Citation(NamedTuple):
    """text: the words by which a text is cited; place: the rest of the citation, such as ", eq. 4"."""

    text: str
    place: str

    def __str__(self) -> str:
        return f"{self.text}{self.place}"


@functools.cache
def citations(source: str) -> tuple[Citation, ...]:
    """The citations of a source line; parts in backquotes name a program, not a text, and are skipped."""
    parts = re.split(r";\s*(?![^()]*\))", source.replace("\n", " ").strip().rstrip("."))
    return tuple(_citation(part) for part in parts if part and not part.startswith("`"))


CITED = re.compile("(?:" + "|".join(map(re.escape, sorted(TEXTS, key=len, reverse=True))) + r")(?![\w-])")
UNKNOWN = re.compile(r".*?\b\d{4}[a-z]?\b|[^,(]*")  # a text that is not entered above: up to its year


def _citation(part):
    text = (CITED.match(part) or UNKNOWN.match(part))[0]
    return Citation(text.strip(), part[len(text) :])
