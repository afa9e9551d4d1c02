// SPDX-License-Identifier: Apache-2.0
#include "router/core/exact_math.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "router/core/check.h"

namespace homing::core {
namespace {

static_assert(std::numeric_limits<double>::is_iec559);

// ln 2 = kLn2High + kLn2Low; the high part has 33 significant bits, so k * kLn2High is exact for |k| < 2^20.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kInverseLn2 = 0x1.71547652b82fep+0;
constexpr double kHalfLn2Pi = 0x1.d67f1c864beb5p-1;  // ln(2 pi) / 2

constexpr std::uint64_t kFractionMask = (std::uint64_t{1} << 52) - 1;

// 2^k for -1022 <= k <= 1023.
double power_of_two(int k) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(k + 1023) << 52);
}

bool is_finite(double x) {
  return x - x == 0.0;
}

struct Rational7 {  // numerator and denominator of degree 7, the denominator's constant is 1
  double numerator[8];
  double denominator[7];
};

constexpr Rational7 kCentral = {
    {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3},
    {4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
     3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3}};
constexpr Rational7 kShoulder = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
     1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9}};
constexpr Rational7 kTail = {
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
     1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15}};

double evaluate(const Rational7& ratio, double r) {
  double numerator = ratio.numerator[7];
  for (int i = 6; i >= 0; --i) numerator = numerator * r + ratio.numerator[i];
  double denominator = ratio.denominator[6];
  for (int i = 5; i >= 0; --i) denominator = denominator * r + ratio.denominator[i];
  denominator = denominator * r + 1.0;
  return numerator / denominator;
}

}  // namespace

double exact_log(double x) {
  CHECK(x > 0.0 && is_finite(x));
  int k = 0;
  if (x < 0x1p-1022) {  // subnormal: scale up, exactly
    x *= 0x1p54;
    k = -54;
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  k += static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & kFractionMask) | (std::uint64_t{1023} << 52));  // in [1, 2)
  if (m > 0x1.6a09e667f3bcdp+0) {  // above sqrt(2): in (0.707, 1)
    m *= 0.5;
    k += 1;
  }
  // ln m = ln((1 + s) / (1 - s)) = 2 (s + s^3/3 + s^5/5 + ...), |s| <= 0.1716; the omitted terms are below 2^-60 of it.
  const double f = m - 1.0;  // exact
  const double s = f / (2.0 + f);
  const double z = s * s;
  double series = 2.0 / 21.0;
  series = series * z + 2.0 / 19.0;
  series = series * z + 2.0 / 17.0;
  series = series * z + 2.0 / 15.0;
  series = series * z + 2.0 / 13.0;
  series = series * z + 2.0 / 11.0;
  series = series * z + 2.0 / 9.0;
  series = series * z + 2.0 / 7.0;
  series = series * z + 2.0 / 5.0;
  series = series * z + 2.0 / 3.0;
  series = series * z;
  // 2 s = f - f^2/2 + s f^2/2: the big term f is exact, only small ones carry rounding errors.
  const double half_square = 0.5 * f * f;
  const double exponent = static_cast<double>(k);
  const double small = s * (half_square + series) + exponent * kLn2Low;
  return exponent * kLn2High - ((half_square - small) - f);
}

double exact_exp(double x) {
  CHECK(x == x);
  if (x > 0x1.62e42fefa39efp+9) return std::numeric_limits<double>::infinity();
  if (x < -0x1.74910d52d3051p+9) return 0.0;
  const double scaled = x * kInverseLn2;
  const int k = static_cast<int>(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
  const double exponent = static_cast<double>(k);
  const double high = x - exponent * kLn2High;  // exact for |k| < 2^20
  const double low = exponent * kLn2Low;
  const double r = high - low;  // |r| <= 0.35
  // e^r = 1 + r + r^2/2! + ... + r^13/13!; the next term is below 2^-57.
  double series = 1.0 / 6227020800.0;
  series = series * r + 1.0 / 479001600.0;
  series = series * r + 1.0 / 39916800.0;
  series = series * r + 1.0 / 3628800.0;
  series = series * r + 1.0 / 362880.0;
  series = series * r + 1.0 / 40320.0;
  series = series * r + 1.0 / 5040.0;
  series = series * r + 1.0 / 720.0;
  series = series * r + 1.0 / 120.0;
  series = series * r + 1.0 / 24.0;
  series = series * r + 1.0 / 6.0;
  series = series * r + 0.5;
  const double tail = series * (r * r);
  const double y = 1.0 + (high + (tail - low));
  if (k >= -1021 && k <= 1023) return y * power_of_two(k);
  if (k > 1023) return y * 2.0 * power_of_two(k - 1);  // k = 1024 only
  return y * power_of_two(k + 1000) * 0x1p-1000;       // one rounding, in the last product
}

double exact_power(double x, double y) {
  CHECK(is_finite(y));
  const double exponent = y * exact_log(x);
  return exact_exp(exponent);
}

double normal_quantile(double p) {
  CHECK(p > 0.0 && p < 1.0);
  const double q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) return q * evaluate(kCentral, 0.180625 - q * q);
  const double r = std::sqrt(-exact_log(q < 0.0 ? p : 1.0 - p));
  const double magnitude = r <= 5.0 ? evaluate(kShoulder, r - 1.6) : evaluate(kTail, r - 5.0);
  return q < 0.0 ? -magnitude : magnitude;
}

double log_gamma(double x) {
  CHECK(x > 0.0 && x <= 1e15);
  // Gamma(x) = Gamma(x + n) / (x (x+1) ... (x+n-1)): shift above 16, then Stirling's series with Bernoulli numbers.
  double product = 1.0;
  while (x < 16.0) {
    product *= x;
    x += 1.0;
  }
  const double y = 1.0 / (x * x);
  double series = 1.0 / 156.0;
  series = series * y - 691.0 / 360360.0;
  series = series * y + 1.0 / 1188.0;
  series = series * y - 1.0 / 1680.0;
  series = series * y + 1.0 / 1260.0;
  series = series * y - 1.0 / 360.0;
  series = series * y + 1.0 / 12.0;
  const double stirling = (x - 0.5) * exact_log(x) - x + kHalfLn2Pi + series / x;
  return stirling - exact_log(product);
}

}  // namespace homing::core
