#!/usr/bin/env bash
# Evaluates a data set as an array of jobs, and merges:
#
#   array=$(sbatch --parsable --array=0-31 tools/ci/slurm.sh)
#   sbatch --dependency="afterok:$array" --wrap 'praxc evaluate --merge results/part*.jsonl --html report.html'
#
# A job that was preempted is requeued and goes on where it was.
#SBATCH --job-name=praxc-evaluate
#SBATCH --cpus-per-task=8
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --requeue
set -euo pipefail

: "${BUNDLES:=clip.prax step.prax int8.prax}" "${DATASET:=val.csv}" "${VIDEOS:=$PWD}"

mkdir -p results
read -ra bundles <<<"$BUNDLES"
exec praxc evaluate "${bundles[@]}" --dataset "$DATASET" --videos "$VIDEOS" --views 10 --crops 3 \
    --jobs "$SLURM_CPUS_PER_TASK" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
    -o "results/part$SLURM_ARRAY_TASK_ID.jsonl"
