#!/usr/bin/env bash
# Everything that a first day on one CUDA device answers, within eight minutes: bash benchmarks/device_day.sh OUT
#
# Needs a checkout, one NVIDIA device with its driver, and a python3 (3.11 or later) that has numpy, scipy, matplotlib,
# safetensors, threadpoolctl, tqdm, pooch, cupy for the driver's CUDA, pytest, hypothesis and pytest-xdist; PyTorch with
# CUDA for cuDNN beside it and for the profile; NPSEQ_DATA with The Time Machine for the headline, which is else skipped.
# What pip must fetch is in `pip install '.[gpu13,test]'`; nothing is fetched here.
#
# Each part has its own limit of time and may fail alone. What a part prints goes to OUT/PART.log as it comes, numbers to
# OUT/*.json; the last lines say which parts failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:?a folder for the results}
mkdir -p "$out"
export PYTHONPATH=. PYTHONUNBUFFERED=1 MPLBACKEND=Agg
failed=()
part() { # NAME SECONDS COMMAND...
    local name=$1 limit=$2 start=$SECONDS
    shift 2
    printf '\n== %s: %s\n' "$name" "$*"
    timeout -k 10 "$limit" "$@" 2>&1 | tee "$out/$name.log" | tail -n 40
    local status=${PIPESTATUS[0]}
    [ "$status" = 0 ] || failed+=("$name ($status)")
    echo "== $name: status $status, $((SECONDS - start)) s of at most $limit"
}
save() { # copies the results that a benchmark has saved under this name
    cp benchmarks/results/"$1".* "$out"/ 2>/dev/null || true
}

part machine 15 python3 -c 'import cupy; cupy.show_config()'
part parity 130 python3 -m pytest -m gpu -q --maxfail=20 -p no:cacheprovider tests/gpu tests/fake_cupy
part steps 150 python3 -m benchmarks.gpu --sizes 0 1 2 --budget 90 --save device_day
save device_day
part headline 80 python3 -m benchmarks.headline --device gpu --rows rnn-256 lstm-256
save headline_gpu
for cell in rnn gru lstm; do
    part "kernels_$cell" 25 python3 -m benchmarks.kernels "$cell"
done

echo
echo "${#failed[@]} parts failed${failed:+: ${failed[*]}}; $SECONDS s in all; results in $out"
exit $((${#failed[@]} > 0))
