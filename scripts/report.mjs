// Opens a report of backstay-bench in a real headless browser and says what is wrong with it.
//
// usage: node scripts/report.mjs folder [screenshots]
//
// The folder holds report.html and run.json. The browser is Chromium, spoken to in its own protocol through a pipe:
// there is nothing to install but it and Node. At the end, spoiled copies have to be found out.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--hide-scrollbars',
    '--remote-debugging-pipe'];
// Milliseconds for one answer of the browser's.
const PATIENCE = 60_000;

/** A browser, spoken to in Chromium's protocol: texts of JSON, a zero byte after each. */
class Browser {
    #process; #waiting = new Map(); #listeners = new Set(); #last = 0; #rest = [];

    constructor(profile) {
        const program = process.env.CHROMIUM ?? 'chromium';
        this.#process = spawn(program, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'],
            { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
        const gone = why => {
            for (const { reject } of this.#waiting.values()) reject(new Error(`${program}: ${why}`));
            this.#waiting.clear();
        };
        this.#process.on('error', error => gone(error.message));
        this.#process.on('exit', code => gone(`it ended with ${code}`));
        this.#process.stdio[3].on('error', () => {});
        this.#process.stdio[4].on('data', bytes => this.#read(bytes));
    }

    #read(bytes) {
        for (let end; (end = bytes.indexOf(0)) >= 0; bytes = bytes.subarray(end + 1)) {
            const text = Buffer.concat([...this.#rest, bytes.subarray(0, end)]).toString();
            this.#rest = [];
            const message = JSON.parse(text);
            const call = this.#waiting.get(message.id);
            this.#waiting.delete(message.id);
            if (!call) for (const listener of this.#listeners) listener(message);
            else if (message.error) call.reject(new Error(`${call.method}: ${message.error.message}`));
            else call.resolve(message.result);
        }
        this.#rest.push(bytes);
    }

    call(method, params = {}, sessionId = undefined) {
        const id = ++this.#last;
        return new Promise((resolve, reject) => {
            const late = setTimeout(() => reject(new Error(`${method}: no answer`)), PATIENCE);
            const ending = end => value => { clearTimeout(late); end(value); };
            this.#waiting.set(id, { method, resolve: ending(resolve), reject: ending(reject) });
            this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
        });
    }

    /** Calls `listener` with every event of a page until the function that it gives is called. */
    listen(sessionId, listener) {
        const own = message => message.sessionId === sessionId && listener(message.method, message.params);
        this.#listeners.add(own);
        return () => this.#listeners.delete(own);
    }

    async close() {
        await this.call('Browser.close').catch(() => this.#process.kill());
        await new Promise(done => this.#process.exitCode === null ? this.#process.on('exit', done) : done());
    }
}

/** Opens a file as `view` says; gives what is wrong with it. */
async function look(browser, file, run, view, screenshot) {
    const { targetId } = await browser.call('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.call('Target.attachToTarget', { targetId, flatten: true });
    const call = (method, params) => browser.call(method, params, sessionId);
    const wrong = [], url = pathToFileURL(file).href;
    let loaded;
    const isLoaded = new Promise((resolve, reject) => {
        loaded = resolve;
        setTimeout(() => reject(new Error(`${url}: not loaded`)), PATIENCE).unref();
    });
    const deaf = browser.listen(sessionId, (method, params) => {
        const bad = level => ['error', 'warning', 'assert'].includes(level);
        if (method === 'Page.loadEventFired') loaded();
        if (method === 'Log.entryAdded' && bad(params.entry.level)) wrong.push(`console: ${params.entry.text}`);
        if (method === 'Runtime.consoleAPICalled' && bad(params.type)) wrong.push(`console: ${params.args[0]?.value}`);
        if (method === 'Runtime.exceptionThrown') wrong.push(`exception: ${params.exceptionDetails.text}`);
        const asked = method === 'Network.requestWillBeSent' && params.request.url;
        if (asked && asked.split('#')[0] !== url && !asked.startsWith('data:')) wrong.push(`request: ${asked}`);
    });
    for (const part of ['Page', 'Runtime', 'Log', 'Network']) await call(`${part}.enable`);
    await call('Emulation.setDeviceMetricsOverride',
        { width: view.width, height: 900, deviceScaleFactor: 1, mobile: false });
    await call('Emulation.setEmulatedMedia',
        { features: [{ name: 'prefers-color-scheme', value: view.scheme }] });
    await call('Emulation.setScriptExecutionDisabled', { value: !view.script });
    await call('Page.navigate', { url });
    await isLoaded;
    const { result, exceptionDetails } = await call('Runtime.evaluate',
        { expression: `(${examine})(${JSON.stringify(expected(run))})`, returnByValue: true });
    if (exceptionDetails) wrong.push(`not examined: ${exceptionDetails.exception?.description}`);
    else wrong.push(...result.value.wrong, ...differences(result.value.data, run));
    if (screenshot) {
        const { data } = await call('Page.captureScreenshot', { captureBeyondViewport: true, format: 'png' });
        writeFileSync(screenshot, data, 'base64');
    }
    deaf();
    await browser.call('Target.closeTarget', { targetId });
    return wrong;
}

/** What the embedded data lacks. */
function differences(text, run) {
    try {
        assert.deepEqual(JSON.parse(text), run);
        return [];
    } catch (error) {
        return [`data: ${error.message.split('\n')[0]}`];
    }
}

/** The charts that a run demands, and how many dots and lines each has. */
function expected(run) {
    const charts = [], workloads = new Map();
    for (const section of run.sections) {
        if (!workloads.has(section.workload)) workloads.set(section.workload, []);
        workloads.get(section.workload).push(section);
    }
    let number = 0;
    for (const sections of workloads.values()) {
        const id = `w${++number}`;
        const rows = section => section.rows.filter(row => row.backstay.value !== null);
        sections.forEach((section, place) => {
            const of = `${id}-${place + 1}`, series = section.series.filter(series => series.runs.length);
            const tails = series.filter(series => series.runs.some(run => run.latencies)).length;
            const dots = series.map(series => series.runs.length);
            if (series.length) charts.push({ id: `${of}-dots`, dots, rows: rows(section).length });
            if (tails) charts.push({ id: `${of}-curve`, lines: tails });
        });
        const bytes = section => section.measure === 'quantity' && /\b(bytes?|B)\b/.test(section.unit);
        const bars = sections.flatMap(section => rows(section)
            .filter(row => bytes(section) || (row.usage.bytes_per_task ?? null) !== null)).length;
        if (bars) charts.push({ id: `${id}-memory`, bars });
        for (const [over, other] of [['size', 'threads'], ['threads', 'size']]) {
            const others = [...new Set(sections.map(section => section[other]))].sort((a, b) => a - b);
            others.forEach((value, place) => {
                const alike = sections.filter(section => section[other] === value && rows(section).length);
                if (new Set(alike.map(section => section[over])).size < 2) return;
                const lines = new Set(alike.flatMap(section => rows(section).map(row => row.runtime))).size;
                charts.push({ id: `${id}-${over === 'size' ? 'sizes' : 'threads'}${place}`, lines });
            });
        }
    }
    return charts;
}

/** Runs within the page. */
function examine(charts) {
    const wrong = [], all = selector => [...document.querySelectorAll(selector)];
    const say = text => wrong.length < 40 && wrong.push(text);
    const named = element => `${element.localName}${element.id && `#${element.id}`} "${element.textContent.trim().slice(0, 30)}"`;
    const meet = (a, b, by) => a.left < b.right - by && b.left < a.right - by && a.top < b.bottom - by && b.top < a.bottom - by;

    // Every chart, with all that belongs into it.
    const drawn = all('figure > svg');
    if (drawn.length !== charts.length) say(`charts: ${drawn.length} instead of ${charts.length}`);
    for (const { id, dots, lines, bars, rows } of charts) {
        const svg = document.getElementById(`${id}-t`)?.closest('svg');
        if (!svg) { say(`no chart ${id}`); continue; }
        const box = svg.getBoundingClientRect(), count = selector => svg.querySelectorAll(selector).length;
        if (!(box.width > 100 && box.height > 30)) say(`chart ${id} is empty: ${box.width} × ${box.height}`);
        if (dots) {
            const found = [...svg.querySelectorAll('.runs')].map(path => path.getAttribute('d').split('M').length - 1);
            if (`${found.sort()}` !== `${dots.sort()}`) say(`chart ${id}: dots ${found} instead of ${dots}`);
            if (count('text.name') !== rows) say(`chart ${id}: ${count('text.name')} runtimes instead of ${rows}`);
        }
        if (lines && count('.line') !== lines) say(`chart ${id}: ${count('.line')} lines instead of ${lines}`);
        if (bars && count('.bar') !== bars) say(`chart ${id}: ${count('.bar')} bars instead of ${bars}`);
        const of = { left: box.left - 6, right: box.right + 6, top: box.top - 6, bottom: box.bottom + 6 };
        for (const shape of svg.querySelectorAll('path')) {
            const own = shape.getBoundingClientRect();
            if (own.left < of.left || own.right > of.right || own.top < of.top || own.bottom > of.bottom) say(`chart ${id}: a shape is outside`);
        }
    }
    for (const svg of all('svg:not([aria-hidden])')) {
        const told = svg.getAttribute('aria-labelledby')?.split(' ').every(id => document.getElementById(id)?.textContent);
        if (svg.getAttribute('role') !== 'img' || !told) say('a chart without title and description');
    }

    // The texts of a chart: apart, whole, large enough.
    for (const svg of drawn) {
        const frame = svg.getBoundingClientRect(), scale = frame.width / svg.viewBox.baseVal.width;
        const texts = [...svg.querySelectorAll('text')].map(text => ({ text, box: text.getBoundingClientRect() }));
        texts.forEach(({ text, box }, place) => {
            if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) say(`cut in a chart: ${named(text)}`);
            if (parseFloat(getComputedStyle(text).fontSize) * scale < 10) say(`too small in a chart: ${named(text)}`);
            for (const other of texts.slice(place + 1)) if (meet(box, other.box, 0.5)) say(`overlap in a chart: ${named(text)} and ${named(other.text)}`);
        });
    }

    // Nothing sticks out but within its own scroll box, nothing is cut, no block is above another.
    if (document.documentElement.scrollWidth > innerWidth) say(`the page is ${document.documentElement.scrollWidth} wide`);
    const scrolls = element => ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
    const within = element => { for (let up = element.parentElement; up; up = up.parentElement) if (scrolls(up)) return true; };
    for (const element of all('body *:not(script):not(.skip)')) {
        const box = element.getBoundingClientRect();
        if ((box.right > innerWidth + 0.5 || box.left < -0.5) && box.width && !within(element)) say(`sticks out: ${named(element)}`);
        const style = getComputedStyle(element);
        const cut = style.overflowX !== 'visible' && !scrolls(element) && !element.closest('svg');
        if (cut && element.scrollWidth > element.clientWidth + 1) say(`cut: ${named(element)}`);
    }
    const blocks = all('h1, h2, h3, p, pre, dl, ul, figure, .scroll').map(block => ({ block, box: block.getBoundingClientRect() }));
    blocks.forEach(({ block, box }, place) => {
        for (const other of blocks.slice(place + 1)) {
            const nested = block.contains(other.block) || other.block.contains(block);
            if (!nested && meet(box, other.box, 1)) say(`overlap: ${named(block)} and ${named(other.block)}`);
        }
    });

    // Contrast of all text, and of what marks a median.
    const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const seen = new Map();
    const rgba = colour => {
        if (!seen.has(colour)) {
            paint.clearRect(0, 0, 1, 1);
            paint.fillStyle = colour;
            paint.fillRect(0, 0, 1, 1);
            seen.set(colour, [...paint.getImageData(0, 0, 1, 1).data]);
        }
        return seen.get(colour);
    };
    const light = colour => {
        const [r, g, b] = rgba(colour).map(part => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = element => { for (let up = element; up; up = up.parentElement) { const colour = getComputedStyle(up).backgroundColor; if (rgba(colour)[3] === 255) return colour; } return 'white'; };
    const contrast = (one, other) => { const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b); return (bright + 0.05) / (dark + 0.05); };
    for (const element of all('body *:not(script):not(style):not(title):not(desc)')) {
        const hasText = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
        const marks = element.matches('.mark');
        if (!hasText && !marks) continue;
        const style = getComputedStyle(element), found = contrast(element.closest('svg') ? style.fill : style.color, behind(element));
        let opacity = 1;
        for (let up = element; up; up = up.parentElement) opacity *= getComputedStyle(up).opacity;
        if (opacity < 1) say(`pale: ${named(element)}`);
        if (found < (marks ? 3 : 4.5)) say(`contrast ${found.toFixed(2)}: ${named(element)}`);
    }

    // The document.
    for (const link of all('a')) if (!document.getElementById(link.hash.slice(1))) say(`a link to nothing: ${link.hash}`);
    const ids = all('[id]').map(element => element.id);
    if (new Set(ids).size !== ids.length) say('an id comes twice');
    for (const selector of ['html[lang]', 'meta[name=viewport]', 'header', 'main', 'footer', 'h1', 'table']) if (!document.querySelector(selector)) say(`no ${selector}`);
    if (/\bNaN\b|undefined/.test(document.body.innerText)) say('NaN in the text');
    return { wrong, data: document.getElementById('data')?.textContent ?? '' };
}

/** What has to be found out, and what is said then. */
const SPOILED = [
    ['a chart less', /no chart/, html => html.replace(/<figure class="dots">[^]*?<\/figure>/, '')],
    ['a dot less', /dots/, html => html.replace(/(class="runs c0" d=")M[^M"]*/, '$1')],
    ['two labels in one place', /overlap in a chart/, html => html.replace(/<text class="tick"[^]*?<\/text>/, '$&$&')],
    ['a label beyond the edge', /cut in a chart/, html => html.replace(/(<text class="tick"[^>]* x=")[^"]*/, '$1358')],
    ['a picture of somebody else', /request|console/, html => html.replace('<main>', '<main><img src="http://127.0.0.1:9/x.png" alt="">')],
    ['a script that is refused', /console/, html => html.replace('<main>', '<main><script>console.error(1)</script>')],
    ['too wide', /sticks out/, html => html.replace('<main>', '<main><div style="width:3000px">x</div>')],
    ['one above the other', /overlap:/, html => html.replace('<h3', '<h3 style="margin-bottom:-3em"')],
    ['pale', /contrast/, html => html.replaceAll(/--muted: #\w+/g, '--muted: #999')],
    ['paler', /pale/, html => html.replace('<figure', '<figure style="opacity: .9"')],
    ['other data', /data:/, html => html.replace(/("seed":)\d+/, '$1"?"')],
];

const [folder, screens] = process.argv.slice(2);
const file = resolve(folder, 'report.html'), run = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'backstay-report-'));
const browser = new Browser(join(scratch, 'profile'));
let failed = 0, passed = 0;
const tell = (what, wrong) => {
    if (wrong.length) failed += 1; else passed += 1;
    console.log(`${wrong.length ? 'FAILED' : 'ok    '}  ${what}${wrong.map(text => `\n        ${text}`).join('')}`);
};
try {
    if (screens) mkdirSync(screens, { recursive: true });
    for (const width of [1280, 400]) for (const scheme of ['light', 'dark']) for (const script of [false, true]) {
        const what = `${width} pixels, ${scheme}, ${script ? 'with' : 'without'} script`;
        const screenshot = screens && script && join(screens, `${width}-${scheme}.png`);
        tell(what, await look(browser, file, run, { width, scheme, script }, screenshot));
    }
    const page = readFileSync(file, 'utf8'), copy = join(scratch, 'spoiled.html');
    for (const [what, said, spoil] of SPOILED) {
        const spoiled = spoil(page);
        writeFileSync(copy, spoiled);
        const found = await look(browser, copy, run, { width: 400, scheme: 'light', script: true });
        const isFound = spoiled !== page && found.some(text => said.test(text));
        tell(`spoiled: ${what}`, isFound ? [] : [`not found out, but: ${found.join('; ') || 'nothing'}`]);
    }
} finally {
    await browser.close();
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
