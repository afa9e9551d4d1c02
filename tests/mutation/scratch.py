# SPDX-License-Identifier: Apache-2.0
"""Programs of a build with a few sources changed, without touching the tree or the build.

Changed files lie in an overlay folder that is searched first; what depends on them (as ninja knows) is compiled with
the build's own commands into a scratch folder, put into copies of the archives, and linked. A change of one source
costs one compilation and one link a program.
"""
import json
import os
import re
import shlex
import shutil
import subprocess


class DoesNotCompile(Exception):
    pass


class Scratch:
    def __init__(self, tree, build, folder):
        self.tree, self.build, self.folder = os.path.abspath(tree), os.path.abspath(build), os.path.abspath(folder)
        self.overlay = os.path.join(self.folder, 'overlay')
        self.objects = os.path.join(self.folder, 'objects')
        self.commands = {}  # object, relative to the build -> words of its compilation
        self.source_of = {}
        with open(os.path.join(self.build, 'compile_commands.json')) as file:
            for entry in json.load(file):
                words = shlex.split(entry['command'])
                compiler = next(i for i, w in enumerate(words) if re.search(r'(clang\+\+|g\+\+)[-0-9.]*$', w))
                words = words[compiler:]
                out = words[words.index('-o') + 1]
                self.commands[out] = words
                self.source_of[out] = os.path.relpath(entry['file'], self.tree)
        self.users = {}  # source or header, relative to the tree -> objects
        for out, source in self.source_of.items():
            self.users.setdefault(source, set()).add(out)
        deps = subprocess.run(['ninja', '-C', self.build, '-t', 'deps'], capture_output=True, text=True, check=True)
        current = None
        for line in deps.stdout.splitlines():
            if line and not line.startswith(' '):
                current = line.split(':')[0]
            elif line.strip():
                path = os.path.normpath(os.path.join(self.build, line.strip()))
                if path.startswith(self.tree + '/') and current in self.commands:
                    self.users.setdefault(os.path.relpath(path, self.tree), set()).add(current)
        self.links = {}

    def fresh(self):
        for folder in (self.overlay, self.objects, os.path.join(self.folder, 'bin')):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)

    def put(self, path, text):
        """Text becomes what the tree has at `path`."""
        target = os.path.join(self.overlay, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, 'w') as file:
            file.write(text)

    def _link_of(self, program):
        if program not in self.links:
            lines = subprocess.run(['ninja', '-C', self.build, '-t', 'commands', 'bin/' + program], capture_output=True,
                                   text=True, check=True).stdout.splitlines()
            line = next(l for l in reversed(lines) if '-o bin/' + program in l)
            self.links[program] = shlex.split(line.replace(': && ', '').replace(' && :', ''))
        return self.links[program]

    def objects_of(self, programs):
        """Objects a change of which these programs can feel: theirs and those of the archives they link."""
        folders = set()
        for program in programs:
            for word in self._link_of(program):
                if word.endswith('.o'):
                    folders.add(re.sub(r'(CMakeFiles/[^/]+\.dir)/.*', r'\1', word))
                elif word.endswith('.a'):
                    name = os.path.basename(word)[3:-2]
                    folders.add(os.path.join(os.path.dirname(word), 'CMakeFiles', name + '.dir'))
        return {o for o in self.commands if any(o.startswith(f + '/') for f in folders)}

    def cost(self, path, programs):
        """How many objects a change of `path` recompiles."""
        return len(self.users.get(path, set()) & self.objects_of(programs))

    def make(self, changed, programs):
        """Compiles and links; returns the paths of the programs."""
        wanted = self.objects_of(programs)
        made = {}
        for path in changed:
            for out in sorted(self.users.get(path, set()) & wanted):
                if out in made:
                    continue
                made[out] = os.path.join(self.objects, re.sub(r'[^A-Za-z0-9_.]', '_', out), os.path.basename(out))
                os.makedirs(os.path.dirname(made[out]), exist_ok=True)
                words = [w for w in self.commands[out]]
                words[words.index('-o') + 1] = made[out]
                for flag in ('-MD', '-MMD'):
                    if flag in words:
                        words.remove(flag)
                for flag in ('-MT', '-MF'):
                    if flag in words:
                        at = words.index(flag)
                        del words[at:at + 2]
                words.insert(1, '-I' + self.overlay)
                mine = os.path.join(self.overlay, self.source_of[out])
                if os.path.exists(mine):
                    words[-1] = mine
                done = subprocess.run(words, cwd=self.build, capture_output=True, text=True)
                if done.returncode != 0:
                    raise DoesNotCompile(done.stderr)
        archives = {}
        result = []
        for program in programs:
            words = list(self._link_of(program))
            words[words.index('-o') + 1] = os.path.join(self.folder, 'bin', program)
            for i, word in enumerate(words):
                if word in made:
                    words[i] = made[word]
                if not word.endswith('.a'):
                    continue
                name = os.path.basename(word)[3:-2]
                inside = os.path.join(os.path.dirname(word), 'CMakeFiles', name + '.dir') + '/'
                members = [path for out, path in made.items() if out.startswith(inside)]
                if not members:
                    continue
                if word not in archives:
                    archives[word] = os.path.join(self.objects, os.path.basename(word))
                    shutil.copy(os.path.join(self.build, word), archives[word])
                    subprocess.run(['ar', 'r', archives[word]] + members, check=True, capture_output=True)
                words[i] = archives[word]
            done = subprocess.run(words, cwd=self.build, capture_output=True, text=True)
            if done.returncode != 0:
                raise DoesNotCompile(done.stderr)
            result.append(os.path.join(self.folder, 'bin', program))
        return result
