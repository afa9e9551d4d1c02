// SPDX-License-Identifier: Apache-2.0
//
// The notepad's page. One document, nothing fetched from elsewhere; addresses are relative, so that any prefix works.
#include "router/launcher/notepad.h"

namespace homing::launcher {

const char* const kNotepadPage = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>notepad</title><style>
:root{color-scheme:light dark;--ink:#1d2433;--soft:#667085;--paper:#f7f7f4;--card:#fff;--line:#e3e3dc;--accent:#2f6f5e}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8e3;--soft:#9aa3b2;--paper:#15181d;--card:#1d2128;--line:#2c323c;--accent:#6cc3a8}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}main{width:min(30rem,92vw);background:var(--card);border:1px solid var(--line);border-radius:16px;padding:2rem}
h1{margin:0;font-size:1rem;font-weight:600;letter-spacing:.02em}#where{color:var(--soft);font-size:.875rem;margin:.2rem 0 0}
#counter{font-size:6rem;line-height:1.1;font-weight:200;text-align:center;margin:1.5rem 0;font-variant-numeric:tabular-nums;transition:color .3s}
#counter.new{color:var(--accent)}.row{display:flex;gap:.5rem;flex-wrap:wrap;justify-content:center}
button{font:inherit;padding:.5rem .9rem;border-radius:10px;border:1px solid var(--line);background:transparent;color:inherit;cursor:pointer}
button.main{background:var(--accent);border-color:var(--accent);color:var(--card);min-width:8rem}button:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
#link{display:flex;gap:.5rem;align-items:center;justify-content:center;margin:1.5rem 0 0;color:var(--soft);font-size:.875rem}
#dot{width:.6rem;height:.6rem;border-radius:50%;background:#c0392b}#dot.up{background:var(--accent)}
</style></head><body><main><h1>notepad</h1><p id="where">&nbsp;</p>
<div id="counter" aria-live="polite">&ndash;</div>
<div class="row"><button class="main" id="plus">add one</button></div>
<div class="row" style="margin-top:.75rem"><button data-post="api/burn?cpu=1&amp;seconds=10">burn a core, 10 s</button>
<button data-post="api/memory?bytes=67108864">hold 64 MiB</button><button data-post="api/memory?bytes=0">let go</button></div>
<div id="link"><span id="dot"></span><span id="state">connecting</span></div></main><script>
const el=id=>document.getElementById(id);let socket,wait=250;
function show(n){el('counter').textContent=n;el('counter').classList.add('new');setTimeout(()=>el('counter').classList.remove('new'),300)}
function state(up,text){el('dot').className=up?'up':'';el('state').textContent=text}
async function who(){try{const w=await(await fetch('api/who')).json();
el('where').textContent=[w.user,w.node&&'on '+w.node,'epoch '+w.epoch,'process '+w.pid].filter(Boolean).join(' · ')}catch(e){}}
function connect(){const url=new URL('ws',location.href);url.protocol=url.protocol.replace('http','ws');socket=new WebSocket(url);
socket.onopen=()=>{wait=250;state(true,'connected');who()};
socket.onmessage=m=>{try{const v=JSON.parse(m.data);if('counter'in v)show(v.counter)}catch(e){}};
socket.onclose=()=>{state(false,'cut; trying again');setTimeout(connect,wait);wait=Math.min(wait*2,8000)}}
el('plus').onclick=()=>socket.readyState===1&&socket.send('+1');
document.querySelectorAll('[data-post]').forEach(b=>b.onclick=()=>fetch(b.dataset.post,{method:'POST'}));
connect();</script></body></html>
)html";

}  // namespace homing::launcher
