"""The training step of tests/bench/bench_nn.c in PyTorch: same shapes, same threads.

Both take turns, since other work on a machine comes and goes, and the best of each counts. Adds
step.<width>.{vs_torch, torch_peak_mb} to the file that is named, and prints the ratio.
"""
import json
import resource
import subprocess
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError:
    print("skipped: bench_torch.py (no python3-torch)")
    sys.exit(0)

N, L, BLOCKS, KERNEL, CATEGORIES, REPEATS, TURNS = 32, 512, 6, 2, 32, 12, 4


class Block(nn.Module):
    def __init__(self, width, dilation, is_last):
        super().__init__()
        self.past = dilation * (KERNEL - 1)
        self.conv = nn.Conv1d(width, 2 * width, KERNEL, dilation=dilation)
        self.skip = nn.Conv1d(width, width, 1)
        self.residual = None if is_last else nn.Conv1d(width, width, 1)

    def forward(self, x):
        t, s = self.conv(F.pad(x, (self.past, 0))).chunk(2, dim=1)
        h = torch.tanh(t) * torch.sigmoid(s)
        return None if self.residual is None else x + self.residual(h), self.skip(h)


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, 2**b, b + 1 == BLOCKS) for b in range(BLOCKS))
        self.head = nn.Conv1d(width, CATEGORIES, 1)

    def forward(self, x):
        skips = 0
        for block in self.blocks:
            x, skip = block(x)
            skips = skips + skip
        return self.head(torch.relu(skips))


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def measure(width):
    net = Net(width)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    x = torch.randn(N, width, L)
    target = torch.randint(CATEGORIES, (N, L))
    before, best = peak_mb(), float("inf")
    for repeat in range(REPEATS + 1):
        start = time.perf_counter()
        optimiser.zero_grad()
        F.cross_entropy(net(x), target).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        if repeat > 0:
            best = min(best, time.perf_counter() - start)
    return N * L / best, peak_mb() - before


def measure_alone(width, threads):
    """In a process of its own, so that the peak is this width's."""
    command = [sys.executable, __file__, "--width", str(width), str(threads)]
    return map(float, subprocess.check_output(command, text=True).split())


def measure_ours(width):
    command = ["build/release/tests/bench/bench_nn", "--step", str(width)]
    return float(subprocess.check_output(command, text=True))


def main():
    if sys.argv[1] == "--width":
        torch.set_num_threads(int(sys.argv[3]))
        torch.manual_seed(1)
        print(*measure(int(sys.argv[2])))
        return
    path = sys.argv[1]
    with open(path) as file:
        report = json.load(file)
    for width in (64, 128):
        step = report["step"][str(width)]
        ours, torch_rates, peak = step["rows_per_second"], [], 0
        for turn in range(TURNS):
            rate, peak = measure_alone(width, int(report["threads"]))
            torch_rates.append(rate)
            ours = max(ours, measure_ours(width))
        rows_per_second = max(torch_rates)
        step["vs_torch"] = ours / rows_per_second
        step["torch_peak_mb"] = peak
        print(f"PyTorch {torch.__version__}, width {width}: "
              f"{rows_per_second:.0f} rows/s, {peak:.0f} MB; "
              f"ours {ours:.0f}: {step['vs_torch']:.2f} times as fast with {step['peak_mb']:.0f} MB")
    with open(path, "w") as file:
        json.dump(report, file, indent=2)
        file.write("\n")


main()
