// Which of two slots, blue and green, gets a request; how many requests each of them got, and how many failed.
//
// What decides it is a document in nginx's shared memory, the same for all its processes from one request to the next.
// The command `release` keeps it in FILE too, where a restarted nginx finds it. It has
//
//   serving      the slot that gets the requests
//   releases     the name of the release in each slot; the header X-Release has it
//   canary       absent, or {slot, percent}: the slot that gets a share of the clients, who stay with it by a cookie
//   maintenance  absent, or the seconds after which clients may come again: nobody gets a slot
//
// What nginx.conf has to have for it: `js_shared_dict_zone zone=release:64k` and
// `js_shared_dict_zone zone=requests:64k type=number`.
import fs from 'fs';

const FILE = '/var/lib/nginx/release.json';
const SLOTS = ['blue', 'green'];
const COOKIE = 'release-slot';

// An hour: who has met the new release stays with it while it is tried out.
const COOKIE_AGE = 3600;

const PROBLEM = JSON.stringify({
    type: 'about:blank',
    title: 'Service Unavailable',
    status: 503,
    detail: 'Closed for maintenance; try again later.',
});
const PAGE = '<!doctype html><meta charset="utf-8"><title>Maintenance</title>' +
    '<p>Closed for maintenance. Please come back later.';

function current() {
    let text = ngx.shared.release.get('document');
    if (text === undefined) {
        text = kept();
        ngx.shared.release.set('document', text);
    }
    return JSON.parse(text);
}

// What the file has; before the first release there is none.
function kept() {
    try {
        const text = fs.readFileSync(FILE, 'utf8');
        if (problem(text) === '') {
            return text;
        }
        ngx.log(ngx.ERR, FILE + ' is damaged: ' + problem(text) + '; the slot blue gets the requests');
    } catch (error) {
        ngx.log(ngx.WARN, 'no release was set: the slot blue gets the requests');
    }
    return '{"serving":"blue","releases":{}}';
}

// What is wrong with a document; nothing if it can be used.
function problem(text) {
    let found;
    try {
        found = JSON.parse(text);
    } catch (error) {
        return 'it is no JSON';
    }
    if (found === null || typeof found != 'object') {
        return 'it is no object';
    }
    const canary = found.canary, maintenance = found.maintenance;
    if (!SLOTS.includes(found.serving)) {
        return 'serving is blue or green';
    }
    if (found.releases === null || typeof found.releases != 'object') {
        return 'releases has the names of the releases by slot';
    }
    if (canary !== undefined && (canary === null || !SLOTS.includes(canary.slot) || canary.slot == found.serving)) {
        return 'canary.slot is the slot that does not serve';
    }
    if (canary !== undefined && !(canary.percent > 0 && canary.percent < 100)) {
        return 'canary.percent is a number between 0 and 100';
    }
    if (maintenance !== undefined && !(Number.isInteger(maintenance) && maintenance > 0)) {
        return 'maintenance is a number of seconds';
    }
    return '';
}

// The slot that a client has by its cookie, if it is one.
function chosen(r) {
    const name = '(?:^|;\\s*)' + COOKIE + '=(blue|green)(?:;|$)';
    const match = (r.headersIn.Cookie || '').match(new RegExp(name));
    return match ? match[1] : undefined;
}

// The request's id is random: by its first 32 bits.
function draws(r, percent) {
    return parseInt(r.variables.request_id.slice(0, 8), 16) < percent / 100 * 4294967296;
}

function slot(r) {
    const found = current();
    if (found.canary === undefined) {
        return found.serving;
    }
    return chosen(r) || (draws(r, found.canary.percent) ? found.canary.slot : found.serving);
}

function name(r) {
    return current().releases[r.variables.slot] || '';
}

// The cookie that a client gets while a release is tried out; none if it has it.
function cookie(r) {
    const its = r.variables.slot;
    if (current().canary === undefined || chosen(r) === its) {
        return '';
    }
    return COOKIE + '=' + its + '; Path=/; Max-Age=' + COOKIE_AGE + '; HttpOnly; SameSite=Lax';
}

function maintenance(r) {
    return String(current().maintenance || '');
}

// The answer to all that comes while nobody gets a slot.
function closed(r) {
    const isApi = r.uri.startsWith('/api/');
    r.headersOut['Retry-After'] = String(current().maintenance);
    r.headersOut['Content-Type'] = isApi ? 'application/problem+json' : 'text/html';
    r.return(503, isApi ? PROBLEM : PAGE);
}

// For `access_log ... if=`: counts a request that went to a slot.
function count(r) {
    const its = r.variables.slot;
    if (r.variables.upstream_addr) {
        ngx.shared.requests.incr(its + '.all', 1, 0);
        if (Number(r.variables.status) >= 500) {
            ngx.shared.requests.incr(its + '.failed', 1, 0);
        }
    }
    return '1';
}

function counts() {
    const found = {};
    SLOTS.forEach(function (its) {
        found[its] = {
            all: ngx.shared.requests.get(its + '.all') || 0,
            failed: ngx.shared.requests.get(its + '.failed') || 0,
        };
    });
    return found;
}

// GET: the document and the counts. POST: checks a document. PUT: uses it from the next request on.
function control(r) {
    if (r.method != 'GET') {
        const wrong = problem(r.requestText || '');
        if (wrong !== '') {
            r.return(422, wrong + '\n');
            return;
        }
        if (r.method == 'PUT') {
            ngx.shared.release.set('document', r.requestText);
        }
    }
    r.return(200, JSON.stringify({release: current(), requests: counts()}) + '\n');
}

export default {slot, name, cookie, maintenance, closed, count, control};
