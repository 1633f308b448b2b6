// SPDX-License-Identifier: MIT
// Charts over time, drawn by Chart.js. New points move the line; the frame stays as it is.
import { element } from './dom.js';
import { clock } from './format.js';
import { color } from './theme.js';

const Chart = globalThis.Chart;
const HOUR_MS = 3600_000;

// `lines`: [{ label, read(sample), color, fill }]; `read` may return null where there is nothing. `format`: of a value.
export class TimeChart {
  constructor(title, hint, lines, format) {
    this.lines = lines;
    this.canvas = element('canvas', { role: 'img', 'aria-label': title });
    this.latest = element('span.latest', {});
    this.element = element(
      'figure.card.chart',
      {},
      element('figcaption', {}, element('strong', {}, title), this.latest, hint ? element('small', {}, hint) : null),
      element('div.canvas', {}, this.canvas),
    );
    this.format = format;
  }

  // Once it is in the document.
  draw(samples) {
    this.points = [...samples];
    this.chart = new Chart(this.canvas, {
      type: 'line',
      data: {
        datasets: this.lines.map((line) => ({ label: line.label, data: [], parsing: false, spanGaps: 15_000 })),
      },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        normalized: true,
        interaction: { mode: 'index', intersect: false },
        elements: { point: { radius: 0, hitRadius: 8 }, line: { borderWidth: 1.5, tension: 0.2 } },
        scales: {
          x: { type: 'linear', ticks: { maxTicksLimit: 6, maxRotation: 0, callback: (ms) => this.timeText(ms) } },
          y: { beginAtZero: true, ticks: { maxTicksLimit: 5, callback: (value) => this.format(value) } },
        },
        plugins: {
          legend: { display: this.lines.length > 1, labels: { boxWidth: 10, boxHeight: 2 } },
          tooltip: {
            callbacks: {
              title: (items) => clock(items[0].parsed.x),
              label: (item) => `${item.dataset.label}: ${this.format(item.parsed.y)}`,
            },
          },
          decimation: { enabled: true, algorithm: 'min-max' },
        },
      },
    });
    this.paint();
    this.update();
  }

  add(sample) {
    this.points.push(sample);
    while (this.points.length > 0 && this.points[0].time < sample.time - HOUR_MS) this.points.shift();
    this.update();
  }

  // With other lines, or colors.
  update() {
    if (this.chart === undefined) return;
    this.lines.forEach((line, i) => {
      this.chart.data.datasets[i].data = this.points.map((sample) => ({ x: sample.time, y: line.read(sample) }));
    });
    const last = this.points.at(-1);
    if (last !== undefined) {
      this.chart.options.scales.x.max = last.time;
      this.chart.options.scales.x.min = Math.min(this.points[0].time, last.time - 60_000);
      const value = this.lines[0].read(last);
      this.latest.textContent = value === null ? '' : this.format(value);
    }
    this.chart.update('none');
  }

  timeText(ms) {
    const { min, max } = this.chart?.options.scales.x ?? {};
    return max - min < 600_000 ? clock(ms) : clock(ms).slice(0, 5);
  }

  paint() {
    if (this.chart === undefined) return;
    const { scales, plugins } = this.chart.options;
    for (const axis of [scales.x, scales.y]) {
      axis.grid = { color: color('line'), borderColor: color('line') };
      axis.ticks.color = color('faint');
    }
    plugins.legend.labels.color = color('text');
    this.lines.forEach((line, i) => {
      const set = this.chart.data.datasets[i];
      set.borderColor = color(line.color);
      set.backgroundColor = color(line.color) + '22';
      set.fill = line.fill === true;
    });
    this.chart.update('none');
  }

  destroy() {
    this.chart?.destroy();
  }
}
