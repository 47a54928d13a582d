"""The training step of tests/bench/bench_masked_conv.c in PyTorch: same network, same threads.

Sizes are those that the benchmark has left in the file that is named: features, rows and routes of
each head, hits. What a batch holds is drawn here at random and ready before the clock starts, where
the benchmark counts the making of its batches. Embeddings are looked up once for all stages and for
the stack of convolutions. Adds masked_conv.vs_torch to the file, and prints the ratio.
"""
import json
import resource
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError:
    print("skipped: bench_torch_masked_conv.py (no python3-torch)")
    sys.exit(0)

STEPS, REPEATS, DROPOUT = 4, 8, 0.15


class Head(nn.Module):
    def __init__(self, width, head, table):
        super().__init__()
        self.stage, self.routes, self.mixture = head["sees"], head["routes"], head["mixture"]
        self.trunk = nn.Linear(width, head["hidden"])
        self.own = nn.Linear(width, head["hidden"], bias=False)
        self.out = nn.Linear(head["hidden"], self.routes + 3 * self.mixture + head["named"])
        self.table = nn.Parameter(torch.zeros(table)) if head["named"] > 0 else None

    def forward(self, trunk, stages, batch):
        own = stages[:, self.stage]
        if batch["rows"].numel() < trunk.shape[0]:
            trunk, own = trunk[batch["rows"]], own[batch["rows"]]
        z = F.dropout(F.silu(self.trunk(trunk) + self.own(own)), DROPOUT)
        y = self.out(z)
        logits = y[:, :self.routes]
        if self.table is not None:
            rows, aspects, candidates = batch["outputs"].shape
            named = y.gather(1, batch["outputs"].view(rows, -1)).view(rows, aspects, candidates)
            named = named.sum(1) + self.table[batch["entries"]].sum(1)
            logits = logits + F.pad(named, (0, self.routes - candidates))
        logits = logits.masked_fill(batch["closed"], -torch.inf)
        hit = logits.gather(1, batch["hits"]) + batch["shares"]
        if self.mixture > 0:
            mass = self.mass(y[:, self.routes:], batch["cell"], batch["range"])
            hit = torch.cat([hit, (logits[:, -1] + mass)[:, None]], 1)
        return torch.logsumexp(logits, 1) - torch.logsumexp(hit, 1)

    def mass(self, x, cell, bounds):
        """Log mass of a cell under a mixture of logistics, within the range."""
        weights, means, scales = x.chunk(3, dim=1)
        weights = F.log_softmax(weights, 1)

        def log_mass(edges):
            u = (edges[0] - means) * torch.exp(-scales)
            v = (edges[1] - means) * torch.exp(-scales)
            inside = torch.log(-torch.expm1(u - v)) - F.softplus(-v) - F.softplus(u)
            return torch.logsumexp(weights + inside, 1)

        return log_mass(cell) - log_mass(bounds)


class Net(nn.Module):
    def __init__(self, sizes, stages, heads):
        super().__init__()
        width, context, kernel = sizes["width"], sizes["context"], sizes["kernel"]
        self.sizes, self.stages = sizes, stages
        self.embeddings = nn.Parameter(0.15 * torch.randn(sizes["table_rows"] + 1, width))
        self.hosts = nn.Embedding(sizes["hosts"], context)
        self.contexts = nn.Sequential(nn.Linear(sizes["context_features"], 2 * context), nn.SiLU(),
                                      nn.Linear(2 * context, context), nn.SiLU())
        self.enter = nn.Conv1d(width, width, kernel)
        self.enter_context = nn.Conv1d(context, width, 1, bias=False)
        self.convs, self.blends, self.outs = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for block in range(sizes["blocks"]):
            self.convs.append(nn.Conv1d(width, 2 * width, kernel, dilation=kernel**block))
            self.blends.append(nn.Conv1d(context, 2 * width, 1, bias=False))
            self.outs.append(nn.Conv1d(width, width, 1))
        self.gain = nn.Parameter(torch.ones(width))
        self.heads = nn.ModuleDict(
            {name: Head(width, head, sizes["candidate_table"]) for name, head in heads.items()})

    def forward(self, batch):
        pieces, width, kernel = self.sizes["pieces"], self.sizes["width"], self.sizes["kernel"]
        rows = self.sizes["rows"]
        stages = F.embedding_bag(batch["features"], self.embeddings, batch["bags"], mode="sum",
                                 padding_idx=self.sizes["table_rows"])
        stages = stages.view(rows, len(self.stages), width).cumsum(1)
        c = self.contexts(batch["contexts"])[batch["contexts_of"]] + self.hosts(batch["hosts_of"])
        c = c.view(pieces, rows // pieces, -1).transpose(1, 2)
        h = stages[:, -1].view(pieces, rows // pieces, width).transpose(1, 2)
        h = self.enter(F.pad(h, (kernel, 0))[..., :-1]) + self.enter_context(c)
        for conv, blend, out in zip(self.convs, self.blends, self.outs):
            past = conv.dilation[0] * (kernel - 1)
            t, s = (conv(F.pad(h, (past, 0))) + blend(c)).chunk(2, dim=1)
            h = h + out(torch.tanh(t) * torch.sigmoid(s))
        h = h.transpose(1, 2).reshape(rows, width)[batch["scored"]]
        h = h * torch.rsqrt(h.square().mean(1, keepdim=True) + 1e-5) * self.gain
        h, stages = F.dropout(h, DROPOUT), stages[batch["scored"]]
        loss = 0.0
        for name, head in self.heads.items():
            loss = loss + head(h, stages, batch["heads"][name]).sum()
        return loss / h.shape[0]


def random_head(head, n_scored, sizes):
    n, routes = head["rows"], head["routes"]
    hits = max(1, round(head["hits"] / n))
    chosen = torch.randint(routes, (n, hits))
    closed = (torch.rand(n, routes) < 0.3).scatter(1, chosen, False)
    closed[:, -1] = False
    low = torch.rand(n, 1) * 5
    names = {}
    if head["named"] > 0:
        n_outputs, n_entries = sizes["names_of_outputs"], sizes["names_of_table"]
        names = {"outputs": routes + torch.randint(head["named"],
                                                   (n, n_outputs, sizes["candidates"])),
                 "entries": torch.randint(sizes["candidate_table"],
                                          (n, n_entries, sizes["candidates"]))}
    return {**names, "rows": torch.randperm(n_scored)[:n].sort().values, "hits": chosen, "closed": closed,
            "shares": torch.zeros(n, hits), "cell": (low, low + 0.1), "range": (low - 4, low + 9)}


def random_batch(sizes, stages, heads):
    rows, pieces, n_scored = sizes["rows"], sizes["pieces"], sizes["pieces"] * sizes["piece_rows"]
    sizes_of_bags = torch.tensor(stages).repeat(rows)
    return {
        "features": torch.randint(sizes["table_rows"], (rows * sum(stages),)),
        "bags": sizes_of_bags.cumsum(0) - sizes_of_bags,
        "contexts": torch.rand(sizes["contexts"], sizes["context_features"]),
        "contexts_of": torch.randint(sizes["contexts"], (rows,)).sort().values,
        "hosts_of": torch.randint(sizes["hosts"], (pieces,)).repeat_interleave(rows // pieces),
        "scored": torch.arange(rows).view(pieces, -1)[:, -sizes["piece_rows"]:].flatten(),
        "heads": {name: random_head(head, n_scored, sizes) for name, head in heads.items()},
    }


def main():
    path = sys.argv[1]
    with open(path) as file:
        report = json.load(file)
    ours = report["masked_conv"]
    torch.set_num_threads(int(report["threads"]))
    torch.manual_seed(1)
    sizes = {name: int(value) for name, value in ours["sizes"].items()}
    stages = [int(ours["stages"][name]) for name in sorted(ours["stages"])]
    heads = {name: {key: int(value) for key, value in head.items()}
             for name, head in ours["heads"].items() if head["rows"] > 0}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    net = Net(sizes, stages, heads)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0)
    batches = [random_batch(sizes, stages, heads) for _ in range(STEPS)]
    best = float("inf")
    for repeat in range(REPEATS + 1):
        start = time.perf_counter()
        for batch in batches:
            optimiser.zero_grad()
            loss = net(batch)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
        if repeat > 0:
            best = min(best, time.perf_counter() - start)
    if not torch.isfinite(loss):
        sys.exit(f"bench_torch_masked_conv.py: the loss is {loss.item()}")
    rate = STEPS * sizes["pieces"] * sizes["piece_rows"] / best
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    ours["vs_torch"] = ours["rows_per_second"] / rate
    ours["torch_peak_mb"] = peak
    print(f"PyTorch {torch.__version__}, masked-conv: {rate:.0f} rows/s, {peak:.0f} MB; "
          f"ours is {ours['vs_torch']:.2f} times as fast with {ours['peak_mb']:.0f} MB")
    with open(path, "w") as file:
        json.dump(report, file, indent=2)
        file.write("\n")


main()
