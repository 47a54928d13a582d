/* page_style.c - how a page looks. One rule a string. */
#include "eval/page_style.h"

#include <stddef.h>

/* The colours of light and of dark; on paper those of light. */
#define LIGHT                                                                                      \
    "--paper:#fff;--ground:#f6f7f9;--ink:#1c2128;--soft:#59636e;--rule:#d4dae0;"                   \
    "--grid:#e8ebef;--good:#116329;--goodback:#dff5e4;--fair:#1b5a92;"                             \
    "--fairback:#dfeefb;--poor:#8a4b00;--poorback:#fdecd2;--bad:#a3201b;"                          \
    "--badback:#fde4e1;--cf:#8b949e;--c0:#24292f;--c1:#0072b2;--c2:#d55e00;"                       \
    "--c3:#009e73;--c4:#b0578d;--c5:#a87400;--c6:#3a8fc4;"
#define DARK                                                                                       \
    "--paper:#171b21;--ground:#0f1216;--ink:#e4e8ed;--soft:#9aa5b1;--rule:#343c46;"                \
    "--grid:#262d36;--good:#8fdca4;--goodback:#15351f;--fair:#9accf5;"                             \
    "--fairback:#14304a;--poor:#f3c27a;--poorback:#3d2b0c;--bad:#ffaaa3;"                          \
    "--badback:#4a1b18;--cf:#7d8794;--c0:#e4e8ed;--c1:#56b4e9;--c2:#ff8a3d;"                       \
    "--c3:#2fc898;--c4:#dd8fbb;--c5:#f0c93a;--c6:#9bb8ff;"

const char *const page_style[] = {
    ":root{color-scheme:light dark;" LIGHT "}",
    "@media (prefers-color-scheme:dark){:root{" DARK "}}",
    "*{box-sizing:border-box}",
    "body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,"
    "-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;overflow-wrap:anywhere}",
    "header,main,footer{max-width:1200px;margin:0 auto;padding:0 20px}",
    "header{padding-top:28px}",
    "h1{font-size:27px;line-height:1.2;margin:0 0 6px}",
    "h2{font-size:20px;line-height:1.25;margin:0 0 4px}",
    "h3{font-size:15px;margin:18px 0 4px}",
    "p{margin:0 0 10px;max-width:82ch}",
    ".subtitle{max-width:none}",
    ".subtitle,.intro,footer{color:var(--soft)}",
    "nav{display:flex;flex-wrap:wrap;gap:2px 16px;margin:12px 0 0;font-size:14px}",
    "a{color:var(--fair)}",
    "section{background:var(--paper);border:1px solid var(--rule);border-radius:8px;"
    "padding:18px 20px 16px;margin:16px 0}",
    ".panels{display:grid;gap:16px 22px;grid-template-columns:repeat(auto-fill,"
    "minmax(min(100%,320px),1fr));margin:10px 0 4px}",
    ".panels.small{gap:8px 14px;grid-template-columns:repeat(auto-fill,minmax(150px,1fr))}",
    "figure{margin:0;min-width:0}",
    "figcaption{font-weight:600;font-size:14px;line-height:1.35}",
    ".small figcaption{font-size:12px}",
    "figcaption span{display:block;font-weight:400;font-size:12.5px;color:var(--soft)}",
    "svg{display:block;width:100%;height:auto;max-width:440px}",
    "svg text{font-size:11px;fill:var(--soft);font-family:inherit}",
    "svg .name{fill:var(--ink)}",
    "svg .halo{paint-order:stroke;stroke:var(--paper);stroke-width:3px}",
    "svg .value{font-size:10px}",
    ".nodata{border:1px dashed var(--rule);border-radius:6px;padding:34px 12px;"
    "text-align:center;color:var(--soft);font-size:13px;margin-top:6px}",
    ".grid{stroke:var(--grid);stroke-width:1;fill:none}",
    ".frame{stroke:var(--rule);fill:none}",
    ".line,.box{fill:none;stroke:var(--c);stroke-width:1.7;stroke-linejoin:round}",
    ".steps{fill:var(--c);fill-opacity:.12;stroke:var(--c);stroke-width:1.4}",
    ".band{fill:var(--c);fill-opacity:.16;stroke:none}",
    ".inner{fill-opacity:.26}",
    ".dot{fill:var(--c);fill-opacity:.75;stroke:none}",
    ".bar{fill:var(--c);fill-opacity:.85}",
    ".whisker{stroke:var(--ink);stroke-width:1;fill:none}",
    ".boxfill{fill:var(--c);fill-opacity:.25;stroke:var(--c);stroke-width:1}",
    ".median{stroke:var(--c);stroke-width:2.4}",
    ".c0{--c:var(--c0)}",
    ".cf{--c:var(--cf)}",
    ".c1{--c:var(--c1)}",
    ".c2{--c:var(--c2)}",
    ".c3{--c:var(--c3)}",
    ".c4{--c:var(--c4)}",
    ".c5{--c:var(--c5)}",
    ".c6{--c:var(--c6)}",
    ".c2 .line,.c2 .steps{stroke-dasharray:6 2.5}",
    ".c3 .line,.c3 .steps{stroke-dasharray:2 2}",
    ".c4 .line,.c4 .steps{stroke-dasharray:8 2 2 2}",
    ".c5 .line,.c5 .steps{stroke-dasharray:3 4}",
    ".c6 .line,.c6 .steps{stroke-dasharray:10 4}",
    ".c0 .line{stroke-width:2}",
    ".c1 .steps,.c2 .steps,.c3 .steps,.c4 .steps,.c5 .steps,.c6 .steps{fill:none}",
    ".legend{display:flex;flex-wrap:wrap;gap:2px 18px;list-style:none;padding:0;margin:8px 0 "
    "0;font-size:13.5px}",
    ".legend li{display:flex;align-items:center;gap:7px}",
    ".legend svg{width:26px;height:12px;flex:none}",
    ".tables{display:flex;flex-wrap:wrap;gap:0 56px}",
    ".table{max-width:100%;min-width:0}",
    ".scroll{overflow-x:auto;margin:4px 0 10px}",
    "table{border-collapse:collapse;font-size:13.5px;font-variant-numeric:tabular-nums}",
    ".caption{font-weight:600;font-size:13.5px;margin:14px 0 0;max-width:none}",
    "th,td{padding:3px 14px 3px 0;text-align:right;border-bottom:1px solid var(--grid);"
    "white-space:nowrap;overflow-wrap:normal;vertical-align:top}",
    "th:last-child,td:last-child{padding-right:4px}",
    "thead th{border-bottom:1.5px solid var(--rule);color:var(--soft);font-weight:600}",
    "th:first-child{text-align:left;font-weight:400}",
    "tbody th{white-space:normal;min-width:9em}",
    "tr.group th{font-weight:600;padding-top:12px;color:var(--soft)}",
    "td.words{text-align:left}",
    "td small{color:var(--soft);font-size:12px}",
    ".verdict{display:inline-block;border-radius:9px;padding:0 9px;font-size:12.5px;"
    "line-height:1.6}",
    ".v0{color:var(--good);background:var(--goodback)}",
    ".v1{color:var(--fair);background:var(--fairback)}",
    ".v2{color:var(--poor);background:var(--poorback)}",
    ".v3{color:var(--bad);background:var(--badback)}",
    ".v4{color:var(--soft);background:var(--grid)}",
    ".cards{display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(min(100%,"
    "300px),1fr));margin:12px 0}",
    ".card{border:1px solid var(--rule);border-left:5px solid var(--c);border-radius:6px;"
    "padding:10px 14px}",
    ".card h3{margin:0 0 4px}",
    ".card p{margin:0 0 6px;font-size:14px}",
    "footer{padding-top:4px;padding-bottom:30px;font-size:13px}",
    "@media (max-width:520px){header,main,footer{padding-left:10px;padding-right:10px}"
    "section{padding:14px 12px}h1{font-size:23px}}",
    "@media print{:root{" LIGHT "}body{background:none;font-size:10.5pt}section{border:0;"
    "padding:0}nav{display:none}figure,tr,.card{break-inside:avoid}h2,h3,.intro,.legend{"
    "break-after:avoid}.scroll{overflow:visible}table{font-size:8pt}td "
    "small{display:none}th,td{padding-right:8px}"
    ".verdict{font-size:7.5pt;padding:0 5px}.panels{grid-template-columns:repeat(2,1fr)}"
    ".panels.small{grid-template-columns:repeat(4,1fr)}*{-webkit-print-color-adjust:exact;"
    "print-color-adjust:exact}}",
    NULL,
};
