// SPDX-License-Identifier: Apache-2.0
//
// exact_math: logarithm, exponential and the normal quantile, made of + - x / and sqrt only.
//
// Why: glibc's log, exp and pow choose another code path on processors with FMA and differ there in the last bit. One
// bit moves an arrival across a tie, and from then on two machines simulate two worlds. Here every operation is an IEEE
// 754 binary64 operation in a written order, so the result is the same number on every x86-64 (and any other IEEE
// machine), from clang and g++, at -O0 and -O2. Conditions on the build: -ffp-contract=off, no -ffast-math, SSE2
// arithmetic (not x87).
//
// Every coefficient is a rational that a reader can check by thought (2/(2k+1) and 1/k!), except those of the normal
// quantile, which are Wichura's.
//
//   function          error against the true value                             tested on
//   exact_log(x)      < 1 ulp                                                   every binade, 1 +- tiny, random
//   exact_exp(x)      < 1 ulp (normal results), < 1.5 ulp (subnormal ones)      [-745, 709], random
//   exact_power(x,y)  < 1.5 + 2 |y ln x| ulp                                    random
//   normal_quantile   < 16 ulp for p in [1e-300, 0.5), symmetric about 0.5      grid and random
//   log_gamma(x)      < 3e-14 absolute or relative, whichever is larger         grid
//
// Sources: range reduction and the f - (f^2/2 - s (f^2/2 + R)) form follow K. C. Ng's method as known from fdlibm; M.
// J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988).
// Thread class: pure functions.
#pragma once

namespace homing::core {

// Natural logarithm. REQUIRES: x > 0 and finite (a CHECK). Subnormals are welcome.
double exact_log(double x);

// e^x. REQUIRES: x is not NaN (a CHECK). Returns +infinity above 709.78..., 0 below -745.13...
double exact_exp(double x);

// x^y as exact_exp(y * exact_log(x)). REQUIRES: x > 0 and finite, y finite.
double exact_power(double x, double y);

// The z with P(Z <= z) = p for a standard normal Z. REQUIRES: 0 < p < 1.
// normal_quantile(1 - p) == -normal_quantile(p) exactly wherever 1 - p is exact.
double normal_quantile(double p);

// ln Gamma(x). REQUIRES: 0 < x <= 1e15.
double log_gamma(double x);

}  // namespace homing::core
