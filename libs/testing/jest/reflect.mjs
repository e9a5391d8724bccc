// Decorator metadata: class-validator, TypeORM and Nest need it before the first decorated class is loaded.
import 'reflect-metadata';
