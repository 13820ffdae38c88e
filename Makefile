# SPDX-License-Identifier: Apache-2.0
# The front door: `make demo` shows niteru at work, `make test` proves it. Meson does the building (meson.build).

BUILD ?= build
PREFIX ?= /usr/local
SERVE ?= 1
MESON_FLAGS ?=
export LC_ALL ?= C.UTF-8

.PHONY: all demo test test-locale abi install uninstall packages lint sanitize clang fuzz soak bench format clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

packages:
	@tools/install-packages build

$(BUILD)/build.ninja: | packages
	meson setup $(BUILD) --prefix=$(PREFIX) --libdir=lib $(MESON_FLAGS)

# Draws a catalogue of product pictures, indexes it, and shows what looks alike. Nothing leaves demo/.
demo: all
	@SERVE=$(SERVE) tools/run-demo $(BUILD) demo

# Every suite but the long ones. The last line counts what passed and failed.
test: all
	@tools/run-tests $(BUILD)

# The same in a locale with a decimal comma (de_DE), made for the purpose in the build folder.
test-locale: all
	@tools/run-tests --locale $(BUILD)

install: all
	meson install -C $(BUILD) --no-rebuild
	@if [ "$$(id -u)" = 0 ] && [ -z "$(DESTDIR)" ]; then ldconfig; fi # so that programs find libniteru.so

uninstall:
	ninja -C $(BUILD) uninstall

# What CI adds to `make test`: clang with warnings as errors, the unit suites under ASan and UBSan, style, complexity.
lint:
	@tools/install-packages lint
	@tools/lint

clang:
	@tools/install-packages lint
	@test -f build-clang/build.ninja || CC=clang meson setup build-clang -Dwerror=true -Ddebug=true
	ninja -C build-clang

# Whether programs that were built before go on to work with this library; with ABI=--update the interface is kept anew.
abi: clang
	@tools/check-abi build-clang $(ABI)

sanitize:
	@tools/install-packages lint
	@test -f build-asan/build.ninja || meson setup build-asan -Db_sanitize=address,undefined --buildtype=debugoptimized -Dwerror=true
	ninja -C build-asan
	@tools/run-tests build-asan --suite unit

# One minute of libFuzzer for each reader (FUZZ_SECONDS to change that).
fuzz:
	@tools/install-packages lint
	@tools/fuzz $${FUZZ_SECONDS:-60}

# Ten minutes of full load on the service, then a crowd of idle and slow clients (SOAK_SECONDS to change that).
soak: all
	@SOAK_SECONDS=$${SOAK_SECONDS:-600} meson test -C $(BUILD) --no-rebuild --verbose --timeout-multiplier 0 service-soak

bench: all
	@tools/install-packages bench
	@tools/run-bench $(BUILD)

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf build build-clang build-asan build-fuzz demo
