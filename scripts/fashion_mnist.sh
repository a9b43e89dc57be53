#!/bin/sh
# Debian's Fashion-MNIST; the data set is also found elsewhere.
exec "$(dirname "$0")/debian_package.sh" Fashion-MNIST dataset-fashion-mnist /usr/share/datasets/fashion-mnist
