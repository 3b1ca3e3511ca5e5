// What nevus/quality.py measures, and how large the spot is, on the pixels of a small square picture (RGBA, 0..255).

const SEEN = 40; // samples a side for the spot
const MIDDLE = 0.5, RIM = [0.7, 1.05]; // radii, of half the side
const LARGE = 0.3, SMALL = 0.035; // shares of the rim, of the whole, that the spot takes

export function measure(pixels, side) {
  const luma = luminance(pixels);
  const brightness = mean(luma);
  let blown = 0, skin = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    const [red, green, blue] = [pixels[at], pixels[at + 1], pixels[at + 2]];
    if (Math.min(red, green, blue) >= 250) blown += 1;
    if (isSkin(red, green, blue)) skin += 1;
  }
  return {
    sharpness: spread(laplacian(luma, side)),
    brightness: brightness / 255,
    contrast: spread(luma) / 255,
    glare: blown / luma.length,
    skin: skin / luma.length,
    ...measureSpot(pixels, side),
  };
}

// The first thing to change, by the limits of the model in use; "" when the picture is good.
export function fault(measured, limits) {
  const checks = [
    ["dark", measured.brightness < limits.min_brightness],
    ["overexposed", measured.brightness > limits.max_brightness || measured.glare > limits.max_glare],
    ["no_skin", measured.skin < limits.min_skin],
    ["no_lesion", measured.contrast < limits.min_contrast || measured.spot < limits.min_spot],
    ["blurred", measured.sharpness < limits.min_sharpness],
    ["further", measured.atRim > LARGE],
    ["closer", measured.size < SMALL],
  ];
  return checks.find(([, failed]) => failed)?.[0] ?? "";
}

function luminance(pixels) {
  const luma = new Float32Array(pixels.length / 4);
  for (let i = 0; i < luma.length; i += 1) {
    luma[i] = 0.299 * pixels[4 * i] + 0.587 * pixels[4 * i + 1] + 0.114 * pixels[4 * i + 2];
  }
  return luma;
}

function laplacian(luma, side) {
  const found = [];
  for (let y = 1; y < side - 1; y += 1) {
    for (let x = 1; x < side - 1; x += 1) {
      const at = y * side + x;
      found.push(luma[at - side] + luma[at + side] + luma[at - 1] + luma[at + 1] - 4 * luma[at]);
    }
  }
  return found;
}

function isSkin(red, green, blue) {
  const range = Math.max(red, green, blue) - Math.min(green, blue);
  return red > green - 4 && red > blue + 2 && red > 25 && range < 170;
}

function measureSpot(pixels, side) {
  const samples = [];
  for (let row = 0; row < SEEN; row += 1) {
    for (let column = 0; column < SEEN; column += 1) {
      const at = 4 * (Math.floor(((row + 0.5) * side) / SEEN) * side + Math.floor(((column + 0.5) * side) / SEEN));
      const radius = Math.hypot((2 * row) / (SEEN - 1) - 1, (2 * column) / (SEEN - 1) - 1);
      samples.push({ radius, colour: lab(pixels[at], pixels[at + 1], pixels[at + 2]) });
    }
  }
  const rim = samples.filter(({ radius }) => radius > RIM[0] && radius < RIM[1]);
  const skin = [0, 1, 2].map((i) => median(rim.map(({ colour }) => colour[i])));
  for (const each of samples) each.apart = Math.hypot(...each.colour.map((value, i) => value - skin[i]));
  const middle = samples.filter(({ radius }) => radius < MIDDLE);
  const strongest = Math.max(...middle.map(({ apart }) => apart));
  const share = (some) => some.filter(({ apart }) => apart > Math.max(8, strongest / 2)).length / some.length;
  return {
    spot: Math.sqrt(mean(middle.map(({ apart }) => apart ** 2))),
    size: share(samples),
    atRim: share(rim),
  };
}

function lab(...rgb) {
  const [red, green, blue] = rgb.map((value) => {
    const unit = value / 255;
    return unit <= 0.04045 ? unit / 12.92 : ((unit + 0.055) / 1.055) ** 2.4;
  });
  const [x, y, z] = [
    (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047,
    0.2126 * red + 0.7152 * green + 0.0722 * blue,
    (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883,
  ].map((value) => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function mean(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function spread(values) {
  const middle = mean(values);
  let sum = 0;
  for (const value of values) sum += (value - middle) ** 2;
  return Math.sqrt(sum / values.length);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
